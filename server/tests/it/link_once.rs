//! Links to choose a password: once, not for long, and for nobody who is switched off.

use crate::support::{
    people::{Answer, send},
    server::{self, TestServer},
    world::{PASSWORD, World, each_engine, session_of, user_input, visitor},
};
use chrono::Duration;
use domain::{Visitor, access::session_cx};
use entity::{
    id::UserId,
    problem::{Problem, ProblemCode},
    session::{LinkInput, LinkView, SignInInput},
    user::{IssuedLink, LinkKind, Role, UserInput},
};
use reqwest::Method;

const EMAIL: &str = "mira@quay.example";

fn input(world: &World) -> UserInput {
    UserInput {
        email: EMAIL.to_owned(),
        full_name: "Mira Sand".to_owned(),
        role: Role::BusinessOwner,
        business_id: Some(world.business),
        ..user_input()
    }
}

async fn invite(world: &World) -> (UserId, IssuedLink) {
    let admin = world.admin_now().await;
    let added = domain::user::add(&admin.confirmed().expect("just now"), input(world)).await.expect("added");
    (added.user.id, added.link)
}

async fn reset(world: &World, id: UserId) -> IssuedLink {
    let admin = world.admin_now().await;
    domain::user::send_reset_link(&admin.confirmed().expect("just now"), id).await.expect("made").link
}

fn key(link: &IssuedLink) -> String {
    link.url.as_deref().and_then(|url| url.split('#').nth(1)).expect("a link").to_owned()
}

async fn look(world: &World, link: &IssuedLink) -> Result<LinkView, ProblemCode> {
    let found = domain::user::link(&world.store, &visitor(), &key(link)).await;
    found.map_err(|error| Problem::from(error).code)
}

async fn accept(world: &World, link: &IssuedLink) -> Result<(), ProblemCode> {
    world.accept(link).await.map(drop).map_err(|error| Problem::from(error).code)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_at_once_one_uses_a_link() {
    each_engine(|world| async move {
        let (_, link) = invite(&world).await;
        let tries: Vec<_> = (0..50)
            .map(|n| {
                let (store, key) = (world.store.clone(), key(&link));
                tokio::spawn(async move {
                    // Each from elsewhere: nothing but the link itself decides.
                    let visitor = Visitor { source_ip: format!("10.0.0.{n}"), ..visitor() };
                    let input = LinkInput { key, password: format!("sentence number {n}, all mine") };
                    domain::user::accept_link(&store, &visitor, input).await.map(drop)
                })
            })
            .collect();
        let mut winners = vec![];
        for (n, one) in tries.into_iter().enumerate() {
            match one.await.expect("no panic") {
                Ok(()) => winners.push(n),
                Err(error) => assert_eq!(Problem::from(error).code, ProblemCode::Gone),
            }
        }
        assert_eq!(winners.len(), 1);
        assert!(world.sign_in(EMAIL, &format!("sentence number {}, all mine", winners[0])).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_link_is_over_after_its_time() {
    each_engine(|world| async move {
        let (id, invitation) = invite(&world).await;
        world.clock.advance(Duration::days(3) - Duration::seconds(1));
        let seen = look(&world, &invitation).await.expect("good to the last");
        assert_eq!(
            (seen.kind, seen.full_name.as_str(), seen.email.as_str()),
            (LinkKind::Invitation, "Mira Sand", EMAIL)
        );
        world.clock.advance(Duration::seconds(1));
        assert_eq!(look(&world, &invitation).await, Err(ProblemCode::Gone));
        assert_eq!(accept(&world, &invitation).await, Err(ProblemCode::Gone));

        accept(&world, &reset(&world, id).await).await.expect("a new one works");
        let link = reset(&world, id).await;
        assert_eq!(link.kind, LinkKind::Reset);
        world.clock.advance(Duration::minutes(60) - Duration::seconds(1));
        assert!(look(&world, &link).await.is_ok());
        world.clock.advance(Duration::seconds(1));
        assert_eq!(accept(&world, &link).await, Err(ProblemCode::Gone));
        assert!(world.sign_in(EMAIL, PASSWORD).await.is_ok(), "the password is as it was");
    })
    .await;
}

#[tokio::test]
async fn a_newer_link_ends_the_older_ones() {
    each_engine(|world| async move {
        let (id, first) = invite(&world).await;
        let second = reset(&world, id).await;
        assert_eq!(second.kind, LinkKind::Invitation, "there is no password yet");
        assert_eq!(accept(&world, &first).await, Err(ProblemCode::Gone));
        accept(&world, &second).await.expect("the newest works");
    })
    .await;
}

#[tokio::test]
async fn a_link_ends_every_session_and_opens_nothing_to_who_is_switched_off() {
    each_engine(|world| async move {
        let (id, link) = invite(&world).await;
        accept(&world, &link).await.expect("the first password");
        let credentials = SignInInput { email: EMAIL.to_owned(), password: PASSWORD.to_owned() };
        let arrived = domain::access::sign_in(&world.store, &visitor(), credentials).await.expect("signs in");
        let before = session_of(arrived);
        let link = reset(&world, id).await;
        assert!(
            session_cx(&world.store, &visitor(), &before).await.is_ok(),
            "it goes on until the link is used"
        );
        accept(&world, &link).await.expect("another password");
        assert!(session_cx(&world.store, &visitor(), &before).await.is_err());

        let link = reset(&world, id).await;
        let admin = world.admin_now().await;
        domain::user::set_active(&admin.confirmed().expect("just now"), id, false).await.expect("off");
        assert_eq!(look(&world, &link).await, Err(ProblemCode::Gone));
        assert_eq!(accept(&world, &link).await, Err(ProblemCode::Gone));
    })
    .await;
}

#[tokio::test]
async fn keys_are_not_guessed() {
    let world = World::on_sqlite().await;
    let eve = Visitor { source_ip: "10.9.9.9".to_owned(), ..visitor() };
    let mut codes = vec![];
    for n in 0..12 {
        let input = LinkInput { key: format!("guess-{n}"), password: PASSWORD.to_owned() };
        let refused = domain::user::accept_link(&world.store, &eve, input).await.err().expect("refused");
        codes.push(Problem::from(refused).code);
    }
    assert_eq!(codes[0], ProblemCode::Gone);
    assert_eq!(codes[11], ProblemCode::TooMany);
}

/// A form as a browser without JavaScript sends it.
async fn post(server: &TestServer, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    let request = server.stranger().request(Method::POST, path).header("accept", "text/html");
    let request = request.header("referer", format!("{}/welcome", server.url)).header("cookie", cookie);
    send(request.form(fields)).await
}

async fn page(server: &TestServer, path: &str, cookie: &str) -> Answer {
    let request = server.stranger().request(Method::GET, path).header("accept", "text/html");
    send(request.header("cookie", cookie)).await
}

/// The cookies that an answer sets, as the next request sends them.
fn cookies(answer: &Answer) -> String {
    let set = answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let pairs = set.filter_map(|text| text.split(';').next()).filter(|pair| !pair.ends_with('='));
    pairs.collect::<Vec<_>>().join("; ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pasted_link_leads_to_a_session_without_javascript() {
    server::each_engine(async |server| {
        let (_, link) = invite(&server.world).await;
        let url = link.url.clone().expect("a link");
        let key = key(&link);
        let start = page(&server, "/welcome", "").await;
        assert_eq!(start.status, 200);
        assert!(start.body.contains("Paste it here"), "a form");
        let opened = post(&server, "/portal/welcome/open", "", &[("key", &url)]).await;
        assert_eq!((opened.status.as_u16(), opened.header("location")), (302, "/welcome/password"));
        assert!(!opened.headers.iter().any(|(name, value)| {
            name != "set-cookie" && value.to_str().is_ok_and(|text| text.contains(&key))
        }));
        let raw = opened.header("set-cookie").to_owned();
        assert!(raw.contains("HttpOnly") && raw.contains("SameSite=Lax"), "{raw}");
        let cookie = cookies(&opened);
        let choose = page(&server, "/welcome/password", &cookie).await;
        assert_eq!(choose.status, 200);
        assert!(choose.body.contains("Welcome, Mira Sand") && choose.body.contains(EMAIL), "{}", choose.body);
        assert!(!choose.body.contains(&key), "the key is not in the page");
        let weak = post(&server, "/portal/welcome/accept", &cookie, &[("password", "Mira.Sand.2026")]).await;
        assert_eq!(weak.status, 302);
        assert!(weak.header("location").contains("__err"), "{}", weak.header("location"));
        let arrived = post(&server, "/portal/welcome/accept", &cookie, &[("password", PASSWORD)]).await;
        assert_eq!((arrived.status.as_u16(), arrived.header("location")), (302, "/"));
        let session = cookies(&arrived);
        assert!(session.starts_with("reeve="), "{session}");
        let me = send(server.stranger().request(Method::GET, "/api/v1/me").header("cookie", &session)).await;
        assert_eq!(me.status, 200, "{}", me.body);
        let over = page(&server, "/welcome/password", &cookie).await;
        assert_eq!(over.status, 200);
        assert!(over.body.contains("This link is over"), "{}", over.body);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_requests_at_once_one_uses_a_link() {
    server::each_engine(async |server| {
        let (_, link) = invite(&server.world).await;
        let cookie = format!("reeve-link={}", key(&link));
        let tries: Vec<_> = (0..50)
            .map(|_| {
                let request = server.stranger().request(Method::POST, "/portal/welcome/accept");
                let request = request.header("cookie", &cookie).form(&[("password", PASSWORD)]);
                tokio::spawn(send(request))
            })
            .collect();
        let mut arrived = 0;
        for one in tries {
            let answer = one.await.expect("no panic");
            match answer.status.as_u16() {
                200 | 302 => {
                    assert!(cookies(&answer).contains("reeve="), "{:?}", answer.headers);
                    arrived += 1;
                }
                // Many at once from one address look like guessing.
                status => assert!(matches!(status, 410 | 429), "{status}: {}", answer.body),
            }
        }
        assert_eq!(arrived, 1);
    })
    .await;
}
