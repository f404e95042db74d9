//! Passkeys, with an authenticator in software: alone and as the second half, and everything that is not one's own,
//! not fresh, or not from here.

use super::{ADA, half, is_good, is_refused, refused, session, set_up, signed_in_with};
use crate::support::{
    authenticator::Authenticator,
    world::{Engine, World, cx, each_engine, visitor},
};
use chrono::Duration;
use domain::{Cx, SessionSecret, access::CeremonySecret};
use entity::{factor::PASSKEYS_MAX, id::PasskeyId, problem::ProblemCode, session::SignedInWith, user::Role};
use futures::future::join_all;
use serde_json::{Value, json};

/// The browser of a world.
fn browser() -> Authenticator {
    Authenticator::at("https://reeve.example")
}

/// Makes a passkey.
pub(super) async fn added(world: &World, cx: &Cx) -> (Authenticator, PasskeyId) {
    let mut browser = browser();
    let (options, begun) = domain::factor::begin_passkey(cx).await.expect("begun");
    let made = browser.create(&options);
    domain::factor::finish_passkey(cx, &begun, "Laptop".to_owned(), made).await.expect("added");
    let mine = domain::factor::mine(cx).await.expect("mine");
    assert!(mine.passkeys.iter().all(|passkey| passkey.created_at <= world.store.clock().now()));
    (browser, mine.passkeys.last().expect("the newest").id)
}

pub(super) async fn alone(world: &World, browser: &mut Authenticator) -> domain::Result<SessionSecret> {
    let (options, begun) = domain::factor::begin_passkey_sign_in(&world.store, None).await?;
    let answer = browser.get(&options);
    domain::factor::finish_passkey_sign_in(&world.store, &visitor(), &begun, None, answer).await
}

async fn second(
    world: &World,
    half: &CeremonySecret,
    browser: &mut Authenticator,
) -> domain::Result<SessionSecret> {
    let (options, begun) = domain::factor::begin_passkey_sign_in(&world.store, Some(half)).await?;
    let answer = browser.get(&options);
    domain::factor::finish_passkey_sign_in(&world.store, &visitor(), &begun, Some(half), answer).await
}

#[tokio::test]
async fn a_passkey_is_made_named_used_and_taken_away() {
    each_engine(|world| async move {
        let (mut browser, other) = (browser(), session(&world, ADA).await);
        let (options, begun) = domain::factor::begin_passkey(&world.admin).await.expect("begun");
        let asked = &options["publicKey"];
        assert_eq!(asked["rp"]["id"], "reeve.example");
        assert_eq!(asked["authenticatorSelection"]["residentKey"], "preferred");
        assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
        let made = browser.create(&options);
        let name = |text: &str| text.to_owned();
        let unnamed = domain::factor::finish_passkey(&world.admin, &begun, name("  "), made.clone()).await;
        is_refused(unnamed, ProblemCode::Invalid, Some("name"));
        let codes = domain::factor::finish_passkey(&world.admin, &begun, name("Laptop"), made.clone())
            .await
            .expect("added");
        assert_eq!(codes.len(), 10, "it is the first factor");
        let again = domain::factor::finish_passkey(&world.admin, &begun, name("Laptop"), made).await;
        is_refused(again, ProblemCode::Gone, None);
        assert!(is_good(&world, &world.admin_secret).await && !is_good(&world, &other).await);
        let secret = alone(&world, &mut browser).await.expect("signed in");
        assert_eq!(signed_in_with(&world, &secret).await, SignedInWith::Passkey);
        let admin = cx(&world.store, &secret).await;
        let mine = domain::factor::mine(&admin).await.expect("mine");
        let passkey = &mine.passkeys[0];
        assert_eq!(passkey.last_used_at, Some(world.store.clock().now()));
        domain::factor::rename_passkey(&admin, passkey.id, name("Old laptop")).await.expect("renamed");
        let mine = domain::factor::mine(&admin).await.expect("mine");
        assert_eq!(mine.passkeys[0].passkey_name, "Old laptop");
        let (options, _) = domain::factor::begin_passkey(&admin).await.expect("begun");
        assert_eq!(options["publicKey"]["excludeCredentials"].as_array().map(Vec::len), Some(1));
        domain::factor::remove_passkey(&admin.confirmed().expect("just now"), mine.passkeys[0].id)
            .await
            .expect("removed");
        assert!(!is_good(&world, &world.admin_secret).await, "the other sessions end");
        is_refused(alone(&world, &mut browser).await.map(drop), ProblemCode::Invalid, Some("credential"));
        assert_eq!(domain::factor::mine(&admin).await.expect("mine").recovery_codes_left, 0);
    })
    .await;
}

#[tokio::test]
async fn a_passkey_is_a_second_half() {
    each_engine(|world| async move {
        let (mut browser, _) = added(&world, &world.admin).await;
        let waiting = half(&world, ADA).await;
        let choice = domain::factor::choice(&world.store, &waiting).await.expect("a choice");
        assert!(choice.passkey && choice.recovery_code && !choice.totp);
        let (options, _) =
            domain::factor::begin_passkey_sign_in(&world.store, Some(&waiting)).await.expect("asked");
        assert!(browser.is_allowed(&options), "browsers are told which");
        let secret = second(&world, &waiting, &mut browser).await.expect("signed in");
        assert_eq!(signed_in_with(&world, &secret).await, SignedInWith::PasswordAndPasskey);
        is_refused(second(&world, &waiting, &mut browser).await.map(drop), ProblemCode::Gone, None);
        let (_, none) = set_up(&world, &world.admin).await;
        assert!(none.is_empty(), "there are recovery codes already");
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_good_once_and_for_what_was_asked() {
    each_engine(|world| async move {
        let bob = world.person(Role::Auditor, None, &[]).await;
        let (mut browser, _) = added(&world, &world.admin).await;
        let store = &world.store;
        let (options, begun) = domain::factor::begin_passkey_sign_in(store, None).await.expect("asked");
        let answer = browser.get(&options);
        let finish = async |begun: &CeremonySecret, half: Option<&CeremonySecret>, answer: &Value| {
            domain::factor::finish_passkey_sign_in(store, &visitor(), begun, half, answer.clone())
                .await
                .map(drop)
        };
        let (_, other) = domain::factor::begin_passkey_sign_in(store, None).await.expect("asked");
        is_refused(finish(&other, None, &answer).await, ProblemCode::Invalid, Some("credential"));
        let waiting = half(&world, ADA).await;
        is_refused(finish(&begun, Some(&waiting), &answer).await, ProblemCode::Gone, None);
        let confirm = domain::factor::finish_passkey_confirm(&world.admin, &begun, answer.clone()).await;
        is_refused(confirm, ProblemCode::Gone, None);
        finish(&begun, None, &answer).await.expect("signed in");
        is_refused(finish(&begun, None, &answer).await, ProblemCode::Invalid, Some("credential"));
        // Without a counter too, as with passkeys that are kept in step between devices.
        let (mut synced, _) = added(&world, &bob).await;
        let (options, begun) = domain::factor::begin_passkey_sign_in(store, None).await.expect("asked");
        synced.counts = false;
        let answer = synced.get(&options);
        let tries = (0..20).map(|_| finish(&begun, None, &answer));
        let good = join_all(tries).await.into_iter().filter(Result::is_ok).count();
        assert_eq!(good, 1, "of twenty at once");
        is_refused(finish(&begun, None, &answer).await, ProblemCode::Conflict, Some("credential"));
        // Another half of the same person is not the one that asked.
        let (first, other) = (half(&world, ADA).await, half(&world, ADA).await);
        let (options, begun) =
            domain::factor::begin_passkey_sign_in(store, Some(&first)).await.expect("asked");
        let answer = browser.get(&options);
        is_refused(finish(&begun, Some(&other), &answer).await, ProblemCode::Gone, None);
        is_refused(finish(&begun, None, &answer).await, ProblemCode::Gone, None);
        world.clock.advance(Duration::minutes(10));
        let late = browser.get(&options);
        is_refused(finish(&begun, Some(&half(&world, ADA).await), &late).await, ProblemCode::Gone, None);
    })
    .await;
}

#[tokio::test]
async fn a_passkey_of_elsewhere_or_of_somebody_else_is_refused() {
    each_engine(|world| async move {
        let bob = world.person(Role::Auditor, None, &[]).await;
        let (browser, _) = added(&world, &world.admin).await;
        let (mut bobs, _) = added(&world, &bob).await;
        let refused = |result: domain::Result<SessionSecret>| {
            is_refused(result.map(drop), ProblemCode::Invalid, Some("credential"));
        };
        for origin in
            ["https://reeve.example.evil.example", "http://reeve.example", "https://reeve.example:8443"]
        {
            let mut elsewhere = browser.clone();
            origin.clone_into(&mut elsewhere.origin);
            refused(alone(&world, &mut elsewhere).await);
        }
        let mut careless = browser.clone();
        careless.verifies = false;
        refused(alone(&world, &mut careless).await);
        refused(alone(&world, &mut self::browser()).await);
        refused(second(&world, &half(&world, ADA).await, &mut bobs).await);
        let (options, begun) = domain::factor::begin_passkey_confirm(&world.admin).await.expect("asked");
        let result = domain::factor::finish_passkey_confirm(&world.admin, &begun, bobs.get(&options)).await;
        is_refused(result, ProblemCode::Invalid, Some("credential"));
        for odd in [Value::Null, json!({}), json!({"id": "x", "rawId": "x"})] {
            let (_, begun) = domain::factor::begin_passkey_sign_in(&world.store, None).await.expect("asked");
            refused(
                domain::factor::finish_passkey_sign_in(&world.store, &visitor(), &begun, None, odd).await,
            );
        }
        for forged in ["", "x", &"A".repeat(10_000)] {
            let forged = CeremonySecret::from_text(forged);
            let result =
                domain::factor::finish_passkey_sign_in(&world.store, &visitor(), &forged, None, json!({}))
                    .await;
            is_refused(result.map(drop), ProblemCode::Gone, None);
        }
        // A passkey belongs to one person.
        let (options, begun) = domain::factor::begin_passkey(&bob).await.expect("begun");
        let made = browser.clone().create(&options);
        let result = domain::factor::finish_passkey(&bob, &begun, "Hers".to_owned(), made).await;
        is_refused(result, ProblemCode::Conflict, Some("credential"));
        let hers = domain::factor::mine(&world.admin).await.expect("mine").passkeys[0].id;
        let result = domain::factor::rename_passkey(&bob, hers, "Mine".to_owned()).await;
        is_refused(result, ProblemCode::NotFound, None);
        let result = domain::factor::remove_passkey(&bob.confirmed().expect("just now"), hers).await;
        is_refused(result, ProblemCode::NotFound, None);
        let (options, begun) = domain::factor::begin_passkey(&bob).await.expect("begun");
        let made = self::browser().create(&options);
        let result = domain::factor::finish_passkey(&world.admin, &begun, "Taken".to_owned(), made).await;
        is_refused(result, ProblemCode::Gone, None);
    })
    .await;
}

#[tokio::test]
async fn a_copy_of_a_passkey_is_noticed() {
    each_engine(|world| async move {
        let (mut browser, _) = added(&world, &world.admin).await;
        let mut copy = browser.clone();
        for _ in 0..3 {
            alone(&world, &mut browser).await.expect("signed in");
        }
        let problem = refused(alone(&world, &mut copy).await);
        assert_eq!(problem.field.as_deref(), Some("credential"));
        assert!(problem.detail.contains("copy"), "{}", problem.detail);
        alone(&world, &mut browser).await.expect("the one that was used more");
    })
    .await;
}

#[tokio::test]
async fn a_passkey_proves_again_who_it_is() {
    each_engine(|world| async move {
        let bob = world.person(Role::Auditor, None, &[]).await;
        let (mut browser, _) = added(&world, &world.admin).await;
        let secret = alone(&world, &mut browser).await.expect("signed in");
        world.clock.advance(Duration::minutes(6));
        let admin = cx(&world.store, &secret).await;
        is_refused(admin.confirmed().map(drop), ProblemCode::ConfirmIdentity, None);
        let (options, begun) = domain::factor::begin_passkey_confirm(&admin).await.expect("asked");
        assert!(browser.is_allowed(&options));
        let answer = browser.get(&options);
        let other = cx(&world.store, &world.admin_secret).await;
        let result = domain::factor::finish_passkey_confirm(&other, &begun, answer.clone()).await;
        is_refused(result, ProblemCode::Gone, None);
        domain::factor::finish_passkey_confirm(&admin, &begun, answer).await.expect("confirmed");
        cx(&world.store, &secret).await.confirmed().expect("just now");
        let none = domain::factor::begin_passkey_confirm(&bob).await;
        is_refused(none.map(drop), ProblemCode::Conflict, None);
    })
    .await;
}

#[tokio::test]
async fn nobody_has_more_passkeys_than_there_is_room_for() {
    let world = World::on_sqlite().await;
    let (options, begun) = domain::factor::begin_passkey(&world.admin).await.expect("begun");
    for _ in 0..PASSKEYS_MAX {
        added(&world, &world.admin).await;
    }
    is_refused(domain::factor::begin_passkey(&world.admin).await.map(drop), ProblemCode::Conflict, None);
    let made = browser().create(&options);
    let late = domain::factor::finish_passkey(&world.admin, &begun, "One more".to_owned(), made).await;
    is_refused(late, ProblemCode::Conflict, None);
}

#[tokio::test]
async fn where_browsers_make_none_it_is_said() {
    for (url, is_possible) in [
        ("http://192.0.2.1:8080", false),
        ("https://192.0.2.1", false),
        ("https://[2001:db8::1]", false),
        ("http://reeve.example", false),
        ("http://localhost:8080", true),
        ("https://reeve.example", true),
    ] {
        let world = World::on(Engine::Sqlite, url).await;
        let mine = domain::factor::mine(&world.admin).await.expect("mine");
        assert_eq!(mine.passkeys_are_possible, is_possible, "{url}");
        let begun = domain::factor::begin_passkey(&world.admin).await;
        let asked = domain::factor::begin_passkey_sign_in(&world.store, None).await;
        if is_possible {
            begun.map(drop).expect("begun");
            asked.map(drop).expect("asked");
        } else {
            is_refused(begun.map(drop), ProblemCode::Conflict, None);
            is_refused(asked.map(drop), ProblemCode::Conflict, None);
        }
    }
}
