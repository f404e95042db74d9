//! Forgotten passwords: one answer for everybody, and letters for those whom it concerns alone.

use crate::support::{
    mail::MailServer,
    people::{Answer, send},
    server::TestServer,
    world::{PASSWORD, World, each_engine, session_of, user_input, visitor},
};
use chrono::Duration;
use domain::Visitor;
use entity::{
    problem::{Problem, ProblemCode},
    session::{ForgottenInput, LinkInput},
    user::{Role, UserInput},
};
use reqwest::Method;
use std::sync::Arc;

const EMAIL: &str = "mira@quay.example";

/// A mail server, and somebody who has a password.
async fn with_mail(world: &World) -> MailServer {
    let input = UserInput {
        email: EMAIL.to_owned(),
        full_name: "Mira Sand".to_owned(),
        role: Role::BusinessOwner,
        business_id: Some(world.business),
        ..user_input()
    };
    let added = domain::user::add(&world.admin.confirmed().expect("just now"), input).await.expect("added");
    session_of(world.accept(&added.link).await.expect("a password"));
    let mail = MailServer::start(&[]).await;
    world.store.set_mailer(Arc::new(mail.mailer()));
    mail
}

fn ask_from(world: &World, source_ip: &str, email: &str) -> Result<(), Problem> {
    let visitor = Visitor { source_ip: source_ip.to_owned(), ..visitor() };
    let input = ForgottenInput { email: email.to_owned() };
    domain::user::ask_for_link(&world.store, &visitor, &input).map_err(Problem::from)
}

#[tokio::test]
async fn a_letter_brings_a_link_to_whom_it_concerns() {
    each_engine(|world| async move {
        let mut mail = with_mail(&world).await;
        ask_from(&world, "10.0.0.1", " Mira@Quay.example ").expect("the answer");
        let first = mail.letter().await;
        assert_eq!(first.receivers, [EMAIL]);
        assert!(world.sign_in(EMAIL, PASSWORD).await.is_ok(), "nothing has changed yet");
        ask_from(&world, "10.0.0.1", EMAIL).expect("the answer");
        let second = mail.letter().await;
        let use_it = async |key: String| {
            let input = LinkInput { key, password: "another sentence of mine".to_owned() };
            domain::user::accept_link(&world.store, &visitor(), input).await
        };
        let gone = Problem::from(use_it(first.key()).await.err().expect("the older one is over"));
        assert_eq!(gone.code, ProblemCode::Gone);
        session_of(use_it(second.key()).await.expect("the newest works"));
        assert!(world.sign_in(EMAIL, PASSWORD).await.is_err());
        assert!(world.sign_in(EMAIL, "another sentence of mine").await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn nobody_is_flooded_with_letters() {
    each_engine(|world| async move {
        let mut mail = with_mail(&world).await;
        for n in 0..20 {
            ask_from(&world, &format!("10.0.1.{n}"), EMAIL).expect("the answer is the same");
        }
        for _ in 0..3 {
            mail.letter().await;
        }
        assert!(mail.is_quiet().await, "a fourth letter within the hour");
        world.clock.advance(Duration::minutes(61));
        ask_from(&world, "10.0.2.1", EMAIL).expect("the answer");
        mail.letter().await;
    })
    .await;
}

#[tokio::test]
async fn the_answer_says_nothing_about_who_there_is() {
    each_engine(|world| async move {
        let off = world.person(Role::Contact, Some(world.business), &[]).await;
        let mut mail = with_mail(&world).await;
        let admin = world.admin_now().await;
        domain::user::set_active(&admin.confirmed().expect("just now"), off.me().id, false)
            .await
            .expect("off");
        for email in ["nobody@quay.example", off.me().email.as_str()] {
            assert_eq!(ask_from(&world, "10.0.0.2", email), Ok(()), "{email}");
        }
        assert!(mail.is_quiet().await);
        let wrong = ask_from(&world, "10.0.0.2", "no address").expect_err("refused");
        assert_eq!((wrong.code, wrong.field.as_deref()), (ProblemCode::Invalid, Some("email")));
    })
    .await;
}

#[tokio::test]
async fn one_place_asks_ten_times_and_then_waits() {
    let world = World::on_sqlite().await;
    assert!(!domain::user::is_mailed(&world.store));
    for n in 0..10 {
        assert_eq!(ask_from(&world, "10.0.0.3", &format!("somebody{n}@quay.example")), Ok(()));
    }
    let slowed = ask_from(&world, "10.0.0.3", EMAIL).expect_err("slowed");
    assert_eq!((slowed.code, slowed.retry_after_seconds), (ProblemCode::TooMany, Some(600)));
    assert_eq!(ask_from(&world, "10.0.0.4", EMAIL), Ok(()));
}

async fn page(server: &TestServer, path: &str) -> Answer {
    send(server.stranger().request(Method::GET, path).header("accept", "text/html")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_asks_for_an_address_only_where_letters_are_sent() {
    let server = TestServer::start().await;
    let before = page(&server, "/forgotten").await;
    assert_eq!(before.status, 200);
    assert!(before.body.contains("Ask whoever runs Reeve for you"), "{}", before.body);
    let mut mail = with_mail(&server.world).await;
    assert!(page(&server, "/forgotten").await.body.contains("Send me a link"));
    let mut answers = vec![];
    for email in [EMAIL, "nobody@quay.example"] {
        let request =
            server.stranger().request(Method::POST, "/portal/forgotten/ask").header("accept", "text/html");
        let request = request.header("referer", format!("{}/forgotten", server.url));
        let answer = send(request.form(&[("input[email]", email)])).await;
        answers.push((answer.status.as_u16(), answer.header("location").to_owned(), answer.body));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!((answers[0].0, answers[0].1.as_str()), (302, "/forgotten/sent"));
    assert!(page(&server, "/forgotten/sent").await.body.contains("Look into your mail"));
    assert_eq!(mail.letter().await.receivers, [EMAIL]);
    assert!(mail.is_quiet().await);
}
