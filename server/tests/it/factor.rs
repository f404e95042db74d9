//! Second factors: codes of an authenticator app and recovery codes are accepted once, guessing them is slowed, and no
//! change of them can be made by a session alone.

mod over_http;
mod passkey;
mod policy;
mod recorded;
mod step_up;

use crate::support::world::{PASSWORD, World, cx, each_engine, session_of, visitor};
use chrono::Duration;
use domain::{
    Cx, SessionSecret, Visitor,
    access::{CeremonySecret, SignIn},
};
use entity::{
    factor::{CodeInput, TotpSetup},
    problem::{Problem, ProblemCode},
    session::{SessionQuery, SignInInput, SignedInWith},
    user::Role,
};
use futures::future::join_all;
use std::collections::BTreeSet;
use totp_rs::{Builder, Secret, Totp};

const ADA: &str = "ada@msp.example";

/// An authenticator app.
struct App(Totp);

impl App {
    fn with(setup: &TotpSetup) -> Self {
        let secret = Secret::try_from_base32(&setup.secret).expect("base 32");
        Self(Builder::new().with_secret(secret).build().expect("an app"))
    }

    /// What it shows `seconds` from now.
    fn shows(&self, world: &World, seconds: i64) -> CodeInput {
        let at = world.store.clock().now().timestamp() + seconds;
        code(&self.0.generate(u64::try_from(at).expect("after 1970")).to_string())
    }
}

fn code(text: &str) -> CodeInput {
    CodeInput { code: text.to_owned() }
}

/// Sets an app up, and waits until it shows another code.
async fn set_up(world: &World, cx: &Cx) -> (App, Vec<String>) {
    let app = App::with(&domain::factor::begin_totp(cx).await.expect("begun"));
    let codes = domain::factor::confirm_totp(cx, app.shows(world, 0)).await.expect("set up");
    world.clock.advance(Duration::seconds(30));
    (app, codes)
}

fn visitor_from(source_ip: &str) -> Visitor {
    Visitor { source_ip: source_ip.to_owned(), ..visitor() }
}

/// A sign-in that waits for its second half.
async fn half(world: &World, email: &str) -> CeremonySecret {
    let input = SignInInput { email: email.to_owned(), password: PASSWORD.to_owned() };
    match domain::access::sign_in(&world.store, &visitor(), input).await.expect("the password is good") {
        SignIn::Factor(half) => half,
        SignIn::Session(_) => panic!("no second factor is asked for"),
    }
}

async fn by_code(world: &World, half: &CeremonySecret, input: CodeInput) -> domain::Result<SessionSecret> {
    domain::factor::sign_in_with_code(&world.store, &visitor(), half, input).await
}

#[track_caller]
fn refused<T>(result: domain::Result<T>) -> Problem {
    result.err().expect("refused").into()
}

#[track_caller]
fn is_refused<T>(result: domain::Result<T>, code: ProblemCode, field: Option<&str>) {
    let problem = refused(result);
    assert_eq!((problem.code, problem.field.as_deref()), (code, field), "{problem:?}");
}

async fn is_good(world: &World, secret: &SessionSecret) -> bool {
    domain::access::session_cx(&world.store, &visitor(), secret).await.is_ok()
}

async fn signed_in_with(world: &World, secret: &SessionSecret) -> SignedInWith {
    let sessions = domain::account::sessions(&cx(&world.store, secret).await, &SessionQuery::default())
        .await
        .expect("listed")
        .items;
    sessions.into_iter().find(|session| session.is_current).expect("this one").signed_in_with
}

/// The session of somebody who has no second factor yet.
async fn session(world: &World, email: &str) -> SessionSecret {
    let input = SignInInput { email: email.to_owned(), password: PASSWORD.to_owned() };
    session_of(domain::access::sign_in(&world.store, &visitor(), input).await.expect("signs in"))
}

#[tokio::test]
async fn an_app_is_set_up_with_its_first_code_and_ends_the_other_sessions() {
    each_engine(|world| async move {
        let admin = &world.admin;
        let before = domain::factor::mine(admin).await.expect("mine");
        assert!(!before.has_any() && before.recovery_codes_left == 0 && before.passkeys_are_possible);
        let setup = domain::factor::begin_totp(admin).await.expect("begun");
        assert_eq!(setup, domain::factor::begin_totp(admin).await.expect("again"), "a second look");
        let app = App::with(&setup);
        for wrong in [app.shows(&world, -60), app.shows(&world, 60), code("000000x"), code("")] {
            let result = domain::factor::confirm_totp(admin, wrong).await;
            is_refused(result, ProblemCode::Invalid, Some("code"));
        }
        assert!(!domain::factor::mine(admin).await.expect("mine").has_any(), "not yet");
        let other = session(&world, ADA).await;
        let codes = domain::factor::confirm_totp(admin, app.shows(&world, 0)).await.expect("set up");
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), 10);
        assert!(codes.iter().all(|code| code.len() == "xxxxxx-xxxxxx-xxxxxx-xxxxxx".len()));
        let now = domain::factor::mine(admin).await.expect("mine");
        assert_eq!((now.totp_since, now.recovery_codes_left), (Some(world.store.clock().now()), 10));
        assert!(is_good(&world, &world.admin_secret).await, "the one that did it stays");
        assert!(!is_good(&world, &other).await, "the others end");
        let result = domain::factor::confirm_totp(admin, app.shows(&world, 0)).await;
        is_refused(result, ProblemCode::Gone, None);
    })
    .await;
}

#[tokio::test]
async fn what_one_session_has_begun_no_other_finishes() {
    each_engine(|world| async move {
        let other = cx(&world.store, &session(&world, ADA).await).await;
        let first = domain::factor::begin_totp(&other).await.expect("begun");
        let second = domain::factor::begin_totp(&world.admin).await.expect("begun");
        assert_ne!(first.secret, second.secret, "another session learns nothing of it");
        for setup in [&first, &second] {
            let result = domain::factor::confirm_totp(&other, App::with(setup).shows(&world, 0)).await;
            is_refused(result, ProblemCode::Gone, None);
        }
        world.clock.advance(Duration::minutes(60));
        let again = world.admin_now().await;
        let result = domain::factor::confirm_totp(&again, App::with(&second).shows(&world, 0)).await;
        is_refused(result, ProblemCode::Gone, None);
    })
    .await;
}

#[tokio::test]
async fn an_app_is_replaced_without_a_gap() {
    each_engine(|world| async move {
        let (app, codes) = set_up(&world, &world.admin).await;
        let (new_app, none) = set_up(&world, &world.admin).await;
        assert!(none.is_empty(), "the recovery codes stay");
        let waiting = half(&world, ADA).await;
        let result = by_code(&world, &waiting, app.shows(&world, 0)).await;
        is_refused(result, ProblemCode::SignedOut, Some("code"));
        by_code(&world, &waiting, new_app.shows(&world, 0)).await.expect("signed in");
        by_code(&world, &half(&world, ADA).await, code(&codes[0])).await.expect("signed in");
    })
    .await;
}

#[tokio::test]
async fn a_code_signs_in_once_within_half_a_minute_of_its_time() {
    each_engine(|world| async move {
        let app = App::with(&domain::factor::begin_totp(&world.admin).await.expect("begun"));
        domain::factor::confirm_totp(&world.admin, app.shows(&world, 0)).await.expect("set up");
        let waiting = half(&world, ADA).await;
        let wrong = ProblemCode::SignedOut;
        is_refused(by_code(&world, &waiting, app.shows(&world, 0)).await, wrong, Some("code"));
        world.clock.advance(Duration::minutes(2));
        for far in [-60, 60] {
            is_refused(by_code(&world, &waiting, app.shows(&world, far)).await, wrong, Some("code"));
        }
        let late = app.shows(&world, -30);
        let spaced = format!(" {} {}", &late.code[..3], &late.code[3..]);
        let secret = by_code(&world, &waiting, code(&spaced)).await.expect("signed in");
        assert_eq!(signed_in_with(&world, &secret).await, SignedInWith::PasswordAndTotp);
        is_refused(by_code(&world, &waiting, app.shows(&world, 0)).await, ProblemCode::Gone, None);
        let waiting = half(&world, ADA).await;
        is_refused(by_code(&world, &waiting, late).await, wrong, Some("code"));
        by_code(&world, &waiting, app.shows(&world, 30)).await.expect("a clock that is ahead");
        let waiting = half(&world, ADA).await;
        let earlier = by_code(&world, &waiting, app.shows(&world, 0)).await;
        is_refused(earlier, wrong, Some("code"));
        assert!(by_code(&world, &waiting, app.shows(&world, 30)).await.is_err(), "used");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_who_use_a_code_at_once_one_gets_in() {
    each_engine(|world| async move {
        let (app, codes) = set_up(&world, &world.admin).await;
        for input in [app.shows(&world, 0), code(&codes[3])] {
            let mut halves = Vec::new();
            for _ in 0..20 {
                halves.push(half(&world, ADA).await);
            }
            let tries = halves.into_iter().enumerate().map(|(n, half)| {
                let (store, input) = (world.store.clone(), input.clone());
                tokio::spawn(async move {
                    // Known addresses of their own, so that nothing but the code decides.
                    let visitor = visitor_from(if n < 10 { "192.0.2.7" } else { "192.0.2.8" });
                    domain::factor::sign_in_with_code(&store, &visitor, &half, input).await.is_ok()
                })
            });
            let good = join_all(tries).await.into_iter().filter(|done| matches!(done, Ok(true))).count();
            assert_eq!(good, 1);
            world.clock.advance(Duration::minutes(11));
        }
    })
    .await;
}

#[tokio::test]
async fn a_recovery_code_gets_in_once_however_it_is_typed() {
    each_engine(|world| async move {
        let bob = world.person(Role::Auditor, None, &[]).await;
        let (_, codes) = set_up(&world, &world.admin).await;
        let typed = codes[0].to_uppercase().replace('-', " ").replace('0', "O").replace('1', "l");
        let waiting = half(&world, ADA).await;
        let choice = domain::factor::choice(&world.store, &waiting).await.expect("a choice");
        assert!(choice.totp && choice.recovery_code && !choice.passkey);
        let secret = by_code(&world, &waiting, code(&typed)).await.expect("signed in");
        assert_eq!(signed_in_with(&world, &secret).await, SignedInWith::PasswordAndRecoveryCode);
        let admin = cx(&world.store, &secret).await;
        assert_eq!(domain::factor::mine(&admin).await.expect("mine").recovery_codes_left, 9);
        let waiting = half(&world, ADA).await;
        is_refused(by_code(&world, &waiting, code(&codes[0])).await, ProblemCode::SignedOut, Some("code"));
        let fresh = domain::factor::new_recovery_codes(&admin.confirmed().expect("now")).await.expect("new");
        assert_eq!(fresh.len(), 10);
        assert!(!is_good(&world, &world.admin_secret).await, "the other sessions end");
        is_refused(by_code(&world, &waiting, code(&codes[1])).await, ProblemCode::SignedOut, Some("code"));
        by_code(&world, &waiting, code(&fresh[9])).await.expect("signed in");
        // Somebody else's are nothing.
        let none = domain::factor::new_recovery_codes(&bob.confirmed().expect("now")).await;
        is_refused(none, ProblemCode::Conflict, None);
        set_up(&world, &bob).await;
        let waiting = half(&world, &bob.me().email).await;
        is_refused(by_code(&world, &waiting, code(&fresh[1])).await, ProblemCode::SignedOut, Some("code"));
    })
    .await;
}

#[tokio::test]
async fn removing_the_app_ends_the_other_sessions_and_the_recovery_codes() {
    each_engine(|world| async move {
        let (app, codes) = set_up(&world, &world.admin).await;
        let other = by_code(&world, &half(&world, ADA).await, app.shows(&world, 0)).await.expect("signed in");
        let confirmed = world.admin.confirmed().expect("just now");
        domain::factor::remove_totp(&confirmed).await.expect("removed");
        is_refused(domain::factor::remove_totp(&confirmed).await, ProblemCode::NotFound, None);
        assert!(is_good(&world, &world.admin_secret).await && !is_good(&world, &other).await);
        let mine = domain::factor::mine(&world.admin).await.expect("mine");
        assert!(!mine.has_any() && mine.recovery_codes_left == 0);
        session(&world, ADA).await;
        // Codes from before do not come back with another app.
        set_up(&world, &world.admin).await;
        let waiting = half(&world, ADA).await;
        is_refused(by_code(&world, &waiting, code(&codes[0])).await, ProblemCode::SignedOut, Some("code"));
    })
    .await;
}

#[tokio::test]
async fn guessing_codes_is_slowed_and_holds_up_nobody_who_is_at_home() {
    each_engine(|world| async move {
        let (app, codes) = set_up(&world, &world.admin).await;
        let guess = async |ip: &str, input: CodeInput| {
            let waiting = half(&world, ADA).await;
            domain::factor::sign_in_with_code(&world.store, &visitor_from(ip), &waiting, input).await
        };
        for _ in 0..10 {
            is_refused(guess("198.51.100.1", code("000000")).await, ProblemCode::SignedOut, Some("code"));
        }
        let problem = refused(guess("198.51.100.1", app.shows(&world, 0)).await);
        assert_eq!((problem.code, problem.retry_after_seconds), (ProblemCode::TooMany, Some(600)));
        let problem = refused(guess("198.51.100.2", app.shows(&world, 0)).await);
        assert_eq!(problem.code, ProblemCode::TooMany, "many addresses guess together");
        guess("198.51.100.3", code(&codes[0])).await.expect("nobody guesses recovery codes");
        guess("198.51.100.3", app.shows(&world, 0)).await.expect("signed in from there before");
        world.clock.advance(Duration::seconds(30));
        guess("192.0.2.7", app.shows(&world, 0)).await.expect("at home");
        assert!(is_good(&world, &world.admin_secret).await, "whoever is in stays in");
        world.clock.advance(Duration::seconds(30));
        domain::factor::confirm_with_code(&world.admin, app.shows(&world, 0)).await.expect("and proves it");
        world.clock.advance(Duration::minutes(10));
        guess("198.51.100.1", app.shows(&world, 0)).await.expect("free again");
    })
    .await;
}

#[tokio::test]
async fn one_sign_in_cannot_be_tried_for_ever() {
    each_engine(|world| async move {
        let (app, _) = set_up(&world, &world.admin).await;
        let waiting = half(&world, ADA).await;
        for _ in 0..9 {
            is_refused(by_code(&world, &waiting, code("000000")).await, ProblemCode::SignedOut, Some("code"));
        }
        domain::factor::choice(&world.store, &waiting).await.expect("looking is no try");
        is_refused(by_code(&world, &waiting, code("000000")).await, ProblemCode::SignedOut, Some("code"));
        world.clock.advance(Duration::minutes(9));
        is_refused(by_code(&world, &waiting, app.shows(&world, 0)).await, ProblemCode::TooMany, None);
        let waiting = half(&world, ADA).await;
        world.clock.advance(Duration::minutes(10));
        let late = by_code(&world, &waiting, app.shows(&world, 0)).await;
        is_refused(late, ProblemCode::Gone, None);
    })
    .await;
}

#[tokio::test]
async fn half_a_sign_in_is_no_session_and_a_session_no_half() {
    each_engine(|world| async move {
        let (app, _) = set_up(&world, &world.admin).await;
        let waiting = half(&world, ADA).await;
        assert!(!is_good(&world, &SessionSecret::from_cookie(waiting.expose())).await);
        let disguised = CeremonySecret::from_text(world.admin_secret.expose());
        is_refused(by_code(&world, &disguised, app.shows(&world, 0)).await, ProblemCode::Gone, None);
        is_refused(domain::factor::choice(&world.store, &disguised).await, ProblemCode::Gone, None);
        for bad in [&disguised, &CeremonySecret::from_text("")] {
            let result = domain::factor::begin_passkey_sign_in(&world.store, Some(bad)).await;
            is_refused(result.map(drop), ProblemCode::Gone, None);
        }
        by_code(&world, &waiting, app.shows(&world, 0)).await.expect("signed in");
    })
    .await;
}

#[tokio::test]
async fn what_is_stored_gives_no_code_away() {
    let world = World::on_sqlite().await;
    let setup = domain::factor::begin_totp(&world.admin).await.expect("begun");
    let app = App::with(&setup);
    let is_stored = |needle: &[u8]| {
        let files = std::fs::read_dir(world.folder()).expect("a folder").filter_map(|file| {
            let path = file.expect("a file").path();
            path.is_file().then(|| std::fs::read(path).expect("readable"))
        });
        files
            .flat_map(|file| file.windows(needle.len()).map(|part| part == needle).collect::<Vec<_>>())
            .any(|is| is)
    };
    assert!(is_stored(b"ada@msp.example"), "it looks in the right place");
    let raw = Secret::try_from_base32(&setup.secret).expect("base 32").as_bytes().to_vec();
    for _ in 0..2 {
        assert!(!is_stored(setup.secret.as_bytes()) && !is_stored(&raw));
        if let Ok(codes) = domain::factor::confirm_totp(&world.admin, app.shows(&world, 0)).await {
            assert!(codes.iter().all(|code| !is_stored(code.as_bytes())));
            assert!(codes.iter().all(|code| !is_stored(code.replace('-', "").as_bytes())));
        }
    }
    assert!(domain::factor::mine(&world.admin).await.expect("mine").has_any());
}

/// What was begun with a password ends with it: a half sign-in, and links that were made before.
#[tokio::test]
async fn another_password_ends_what_was_begun_with_the_former() {
    each_engine(|world| async move {
        let cx = world.admin_now().await;
        let (app, _) = set_up(&world, &cx).await;
        let (half, other) = (half(&world, ADA).await, half(&world, ADA).await);
        let here = crate::support::world::cx(
            &world.store,
            &by_code(&world, &other, app.shows(&world, 0)).await.expect("signs in"),
        )
        .await;
        let passwords = entity::session::PasswordInput {
            current_password: PASSWORD.to_owned(),
            new_password: "velvet harbour lantern 42".to_owned(),
        };
        domain::account::change_password(&here, passwords).await.expect("changed");
        is_refused(by_code(&world, &half, app.shows(&world, 30)).await, ProblemCode::Gone, None);
        is_refused(domain::factor::choice(&world.store, &half).await, ProblemCode::Gone, None);
    })
    .await;
}

/// Somebody beside a person, at the same address, who tries passwords does not keep them from confirming.
#[tokio::test]
async fn a_neighbour_who_guesses_is_not_in_the_way_of_a_step_up() {
    let world = World::on_sqlite().await;
    let cx = world.admin_now().await;
    for _ in 0..12 {
        assert!(world.sign_in(ADA, "not the password").await.is_err());
    }
    domain::access::confirm_with_password(&cx, PASSWORD).await.expect("it is them");
    for _ in 0..10 {
        let wrong = domain::access::confirm_with_password(&cx, "not the password").await;
        assert!(wrong.is_err());
    }
    let slowed = refused(domain::access::confirm_with_password(&cx, PASSWORD).await);
    assert_eq!(slowed.code, ProblemCode::TooMany, "but a stolen session cannot guess for ever");
}
