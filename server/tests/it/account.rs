//! Sessions: they end by time, by hand and by a change of password; guessing is slowed.

use crate::support::{
    people::send,
    server::TestServer,
    world::{PASSWORD, World, each_engine, session_of, visitor},
};
use chrono::Duration;
use entity::{
    problem::{Problem, ProblemCode},
    session::{PasswordInput, SessionQuery, SetupInput, SignInInput},
};

async fn session(world: &World) -> domain::SessionSecret {
    let input = SignInInput { email: "Ada@msp.example ".to_owned(), password: PASSWORD.to_owned() };
    session_of(domain::access::sign_in(&world.store, &visitor(), input).await.expect("signs in"))
}

async fn is_good(world: &World, secret: &domain::SessionSecret) -> bool {
    domain::access::session_cx(&world.store, &visitor(), secret).await.is_ok()
}

#[tokio::test]
async fn a_session_ends_by_idleness_and_by_age() {
    each_engine(|world| async move {
        let idle = session(&world).await;
        world.clock.advance(Duration::minutes(29));
        assert!(is_good(&world, &idle).await);
        world.clock.advance(Duration::minutes(29));
        assert!(is_good(&world, &idle).await, "use renews it");
        world.clock.advance(Duration::minutes(30));
        assert!(!is_good(&world, &idle).await);
        let open = session(&world).await;
        for _ in 0..29 {
            world.clock.advance(Duration::minutes(1));
            assert!(domain::access::watching_cx(&world.store, &visitor(), &open).await.is_ok());
        }
        world.clock.advance(Duration::minutes(1));
        assert!(!is_good(&world, &open).await, "a page that is only open keeps nothing alive");
        let old = session(&world).await;
        for _ in 0..(12 * 60 / 20 - 1) {
            world.clock.advance(Duration::minutes(20));
            assert!(is_good(&world, &old).await);
        }
        world.clock.advance(Duration::minutes(20));
        assert!(!is_good(&world, &old).await, "twelve hours are the end");
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    each_engine(|world| async move {
        let (here, there) = (session(&world).await, session(&world).await);
        let cx = domain::access::session_cx(&world.store, &visitor(), &here).await.expect("a session");
        let change = |current: &str, new: &str| PasswordInput {
            current_password: current.to_owned(),
            new_password: new.to_owned(),
        };
        for (field, passwords) in [
            ("current_password", change("wrong", "another long password")),
            ("new_password", change(PASSWORD, "short")),
            ("new_password", change(PASSWORD, PASSWORD)),
        ] {
            let problem =
                Problem::from(domain::account::change_password(&cx, passwords).await.expect_err("no"));
            assert_eq!(problem.field.as_deref(), Some(field));
        }
        domain::account::change_password(&cx, change(PASSWORD, "another long password"))
            .await
            .expect("changed");
        assert!(is_good(&world, &here).await);
        assert!(!is_good(&world, &there).await);
        assert!(world.sign_in("ada@msp.example", PASSWORD).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner_alone() {
    each_engine(|world| async move {
        let (here, there) = (session(&world).await, session(&world).await);
        let cx = domain::access::session_cx(&world.store, &visitor(), &here).await.expect("a session");
        let listed = domain::account::sessions(&cx, &SessionQuery::default()).await.expect("a list").items;
        let other = listed.iter().find(|s| !s.is_current && is_newest(s, &listed)).expect("the other one").id;
        let stranger = world.person(entity::user::Role::BusinessOwner, Some(world.business), &[]).await;
        assert!(domain::account::end_session(&stranger, other).await.is_err());
        assert!(is_good(&world, &there).await);
        domain::account::end_session(&cx, other).await.expect("ended");
        assert!(!is_good(&world, &there).await);
        domain::access::sign_out(&cx).await.expect("signed out");
        assert!(!is_good(&world, &here).await);
    })
    .await;
}

/// The world's own admin session is older than the two of the test.
fn is_newest(session: &entity::session::SessionView, all: &[entity::session::SessionView]) -> bool {
    let newest = all.iter().filter(|s| !s.is_current).map(|s| s.id.0).max();
    newest == Some(session.id.0)
}

#[tokio::test]
async fn unknown_people_and_wrong_passwords_get_one_answer_and_guessing_is_slowed() {
    let world = World::on_sqlite().await;
    let wrong = Problem::from(world.sign_in("ada@msp.example", "nope").await.err().expect("refused"));
    let unknown = Problem::from(world.sign_in("nobody@msp.example", "nope").await.err().expect("refused"));
    assert_eq!(wrong, unknown);
    for _ in 0..9 {
        assert!(world.sign_in("ada@msp.example", "nope").await.is_err());
    }
    let slowed = Problem::from(world.sign_in("ada@msp.example", PASSWORD).await.err().expect("refused"));
    assert_eq!((slowed.code, slowed.retry_after_seconds), (ProblemCode::TooMany, Some(600)));
    world.clock.advance(Duration::minutes(10));
    assert!(world.sign_in("ada@msp.example", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn the_setup_is_over_after_the_first_admin() {
    each_engine(|world| async move {
        assert!(!domain::access::setup_is_open(&world.store).await.expect("asks"));
        assert_eq!(domain::access::new_setup_key(&world.store).await.expect("asks"), None);
        let again = SetupInput {
            key: "anything".to_owned(),
            full_name: "Eve".to_owned(),
            email: "eve@evil.example".to_owned(),
            password: PASSWORD.to_owned(),
        };
        let refused = domain::access::complete_setup(&world.store, &visitor(), again).await;
        assert_eq!(Problem::from(refused.err().expect("refused")).code, ProblemCode::NotFound);
    })
    .await;
}

/// What an open page loads while nobody is at it is no use of the session: it idles out all the same.
#[tokio::test]
async fn a_page_that_nobody_is_at_keeps_no_session_alive() {
    let server = TestServer::start().await;
    let me = async |secret: &domain::SessionSecret, more: &str| {
        let cookie = format!("reeve={}{more}", secret.expose());
        let request = server.stranger().request(reqwest::Method::GET, "/api/v1/me").header("cookie", cookie);
        send(request).await.status.as_u16()
    };
    let (used, left) = (session(&server.world).await, session(&server.world).await);
    for _ in 0..2 {
        server.advance(29 * 60);
        assert_eq!(me(&used, "").await, 200);
    }
    let left_too = session(&server.world).await;
    assert_eq!(me(&left, "; reeve-away=1").await, 401, "it has idled out long ago");
    server.advance(29 * 60);
    assert_eq!(me(&left_too, "; reeve-away=1").await, 200, "looking on is allowed");
    server.advance(60);
    assert_eq!(me(&left_too, "").await, 401, "and counts for nothing");
    assert_eq!(me(&used, "").await, 401);
}
