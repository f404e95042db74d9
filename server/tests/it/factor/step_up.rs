//! What a stolen session is not enough for: the person has to have proved who they are in the last five minutes.

use super::{ADA, App, by_code, code, half, is_refused, session, set_up};
use crate::support::world::{PASSWORD, World, cx, each_engine};
use chrono::Duration;
use domain::Cx;
use entity::{
    id::BusinessId,
    problem::ProblemCode,
    user::{Role, UserInput},
};

async fn now(world: &World, secret: &domain::SessionSecret) -> Cx {
    cx(&world.store, secret).await
}

/// Something that needs it.
async fn invite(cx: &Cx, business: BusinessId) -> domain::Result<()> {
    let input =
        UserInput { business_id: Some(business), role: Role::Contact, ..crate::support::world::user_input() };
    domain::user::add(&cx.confirmed()?, input).await.map(drop)
}

#[tokio::test]
async fn a_proof_is_good_for_five_minutes() {
    each_engine(|world| async move {
        let secret = session(&world, ADA).await;
        invite(&now(&world, &secret).await, world.business).await.expect("just signed in");
        world.clock.advance(Duration::minutes(5));
        let admin = now(&world, &secret).await;
        is_refused(invite(&admin, world.business).await, ProblemCode::ConfirmIdentity, None);
        is_refused(domain::factor::begin_totp(&admin).await.map(drop), ProblemCode::ConfirmIdentity, None);
        is_refused(domain::factor::begin_passkey(&admin).await.map(drop), ProblemCode::ConfirmIdentity, None);
        let wrong = domain::access::confirm_with_password(&admin, "not the password").await;
        is_refused(wrong, ProblemCode::Invalid, Some("password"));
        domain::access::confirm_with_password(&admin, PASSWORD).await.expect("confirmed");
        let admin = now(&world, &secret).await;
        invite(&admin, world.business).await.expect("confirmed");
        world.clock.advance(Duration::seconds(299));
        invite(&now(&world, &secret).await, world.business).await.expect("still");
        world.clock.advance(Duration::seconds(1));
        is_refused(
            invite(&now(&world, &secret).await, world.business).await,
            ProblemCode::ConfirmIdentity,
            None,
        );
    })
    .await;
}

#[tokio::test]
async fn who_has_a_factor_proves_it_with_that() {
    each_engine(|world| async move {
        let (app, codes) = set_up(&world, &world.admin).await;
        let secret =
            by_code(&world, &half(&world, ADA).await, app.shows(&world, 0)).await.expect("signed in");
        world.clock.advance(Duration::minutes(6));
        let admin = now(&world, &secret).await;
        is_refused(admin.confirmed().map(drop), ProblemCode::ConfirmIdentity, None);
        let result = domain::access::confirm_with_password(&admin, PASSWORD).await;
        is_refused(result, ProblemCode::Invalid, Some("password"));
        for bad in [code("000000"), code(&codes[0]), code(""), app.shows(&world, 90)] {
            let result = domain::factor::confirm_with_code(&admin, bad).await;
            is_refused(result, ProblemCode::Invalid, Some("code"));
        }
        assert_eq!(domain::factor::mine(&admin).await.expect("mine").recovery_codes_left, 10);
        let shown = app.shows(&world, 0);
        domain::factor::confirm_with_code(&admin, shown.clone()).await.expect("confirmed");
        is_refused(
            domain::factor::confirm_with_code(&admin, shown).await,
            ProblemCode::Invalid,
            Some("code"),
        );
        let other = now(&world, &world.admin_secret).await;
        is_refused(other.confirmed().map(drop), ProblemCode::ConfirmIdentity, None);
        let admin = now(&world, &secret).await;
        domain::factor::remove_totp(&admin.confirmed().expect("just now")).await.expect("removed");
    })
    .await;
}

#[tokio::test]
async fn guessing_in_a_stolen_session_is_slowed_there() {
    each_engine(|world| async move {
        let (app, _) = set_up(&world, &world.admin).await;
        let secret =
            by_code(&world, &half(&world, ADA).await, app.shows(&world, 0)).await.expect("signed in");
        world.clock.advance(Duration::minutes(6));
        let stolen = now(&world, &secret).await;
        for _ in 0..10 {
            let result = domain::factor::confirm_with_code(&stolen, code("000000")).await;
            is_refused(result, ProblemCode::Invalid, Some("code"));
        }
        let result = domain::factor::confirm_with_code(&stolen, app.shows(&world, 0)).await;
        is_refused(result, ProblemCode::TooMany, None);
        by_code(&world, &half(&world, ADA).await, app.shows(&world, 0)).await.expect("the owner signs in");
    })
    .await;
}

/// An app shows codes for its own account only.
#[tokio::test]
async fn the_code_of_somebody_else_proves_nothing() {
    each_engine(|world| async move {
        let bob = world.person(Role::Auditor, None, &[]).await;
        let (app, _) = set_up(&world, &world.admin).await;
        let result = domain::factor::confirm_with_code(&bob, app.shows(&world, 0)).await;
        is_refused(result, ProblemCode::Invalid, Some("code"));
        let setup = domain::factor::begin_totp(&bob).await.expect("begun");
        let result = domain::factor::confirm_totp(&bob, app.shows(&world, 0)).await;
        is_refused(result, ProblemCode::Invalid, Some("code"));
        domain::factor::confirm_totp(&bob, App::with(&setup).shows(&world, 0)).await.expect("set up");
    })
    .await;
}
