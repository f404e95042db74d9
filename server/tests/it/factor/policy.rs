//! Who has to have a second factor reaches nothing without one, and keeps their last.

use super::{by_code, half, is_good, is_refused, refused, session, set_up};
use crate::support::world::{World, cx, each_engine, visitor};
use domain::access::SignIn;
use entity::{
    business::{BusinessInput, BusinessQuery},
    factor::{CodeInput, FactorPolicy},
    problem::ProblemCode,
    session::{LinkInput, SignedInWith},
    user::{LinkKind, Role},
};

async fn decide(world: &World, policy: FactorPolicy) {
    domain::access::decide_factor_policy(&world.job(), policy).await.expect("decided");
}

#[tokio::test]
async fn a_new_admin_reaches_nothing_until_there_is_a_factor() {
    each_engine(|world| async move {
        let new = world.person(Role::MspAdmin, None, &[]).await;
        let owner = world.session(Role::BusinessOwner, Some(world.business), &[]).await;
        decide(&world, FactorPolicy::Msp).await;
        let secret = session(&world, &new.me().email).await;
        let admin = cx(&world.store, &secret).await;
        assert!(admin.me().must_add_factor);
        assert!(
            domain::business::list(&admin, &BusinessQuery::default()).await.expect("listed").items.is_empty()
        );
        let input = BusinessInput { business_name: "Early".to_owned() };
        is_refused(domain::business::add(&admin, input.clone()).await, ProblemCode::Forbidden, None);
        set_up(&world, &admin).await;
        let admin = cx(&world.store, &secret).await;
        assert!(!admin.me().must_add_factor);
        assert_eq!(
            domain::business::list(&admin, &BusinessQuery::default()).await.expect("listed").items.len(),
            2
        );
        domain::business::add(&admin, input).await.expect("added");
        // Customers do not have to, unless everybody has to.
        assert!(!cx(&world.store, &owner).await.me().must_add_factor);
        decide(&world, FactorPolicy::Everybody).await;
        let owner = cx(&world.store, &owner).await;
        assert!(
            owner.me().must_add_factor
                && domain::business::list(&owner, &BusinessQuery::default())
                    .await
                    .expect("listed")
                    .items
                    .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn the_last_factor_stays_while_one_is_required() {
    each_engine(|world| async move {
        let (_, codes) = set_up(&world, &world.admin).await;
        decide(&world, FactorPolicy::Msp).await;
        let admin = cx(&world.store, &world.admin_secret).await;
        assert!(domain::factor::mine(&admin).await.expect("mine").is_required);
        let problem = refused(domain::factor::remove_totp(&admin.confirmed().expect("just now")).await);
        assert_eq!(problem.code, ProblemCode::Conflict);
        assert!(problem.detail.contains("last second factor"), "{}", problem.detail);
        assert_eq!(domain::factor::mine(&admin).await.expect("mine").recovery_codes_left, codes.len() as u64);
        decide(&world, FactorPolicy::Nobody).await;
        domain::factor::remove_totp(&admin.confirmed().expect("just now")).await.expect("removed");
    })
    .await;
}

#[tokio::test]
async fn the_operator_lets_somebody_begin_anew() {
    each_engine(|world| async move {
        let (app, codes) = set_up(&world, &world.admin).await;
        let waiting = half(&world, super::ADA).await;
        let nobody = domain::factor::reset(&world.job(), "nobody@msp.example").await;
        is_refused(nobody.map(drop), ProblemCode::NotFound, None);
        let link = domain::factor::reset(&world.job(), " Ada@MSP.example ").await.expect("reset");
        assert_eq!(link.kind, LinkKind::Reset);
        assert!(!is_good(&world, &world.admin_secret).await, "every session ends");
        let result = by_code(&world, &waiting, app.shows(&world, 0)).await;
        is_refused(result, ProblemCode::Gone, None);
        let result = world.sign_in(super::ADA, crate::support::world::PASSWORD).await;
        is_refused(result.map(drop), ProblemCode::SignedOut, Some("password"));
        let key = link.url.expect("shown").split('#').nth(1).expect("a key").to_owned();
        let input = LinkInput { key, password: "a quite different phrase".to_owned() };
        let arrived = domain::user::accept_link(&world.store, &visitor(), input).await.expect("accepted");
        let SignIn::Session(secret) = arrived else { panic!("no factor is left") };
        let admin = cx(&world.store, &secret).await;
        let mine = domain::factor::mine(&admin).await.expect("mine");
        assert!(!mine.has_any() && mine.recovery_codes_left == 0);
        let (new_app, _) = set_up(&world, &admin).await;
        let waiting = half_with(&world, "a quite different phrase").await;
        for old in [app.shows(&world, 0), CodeInput { code: codes[0].clone() }] {
            is_refused(by_code(&world, &waiting, old).await, ProblemCode::SignedOut, Some("code"));
        }
        let secret = by_code(&world, &waiting, new_app.shows(&world, 0)).await.expect("signed in");
        assert_eq!(super::signed_in_with(&world, &secret).await, SignedInWith::PasswordAndTotp);
    })
    .await;
}

async fn half_with(world: &World, password: &str) -> domain::access::CeremonySecret {
    let (email, password) = (super::ADA.to_owned(), password.to_owned());
    let input = entity::session::SignInInput { email, password };
    match domain::access::sign_in(&world.store, &visitor(), input).await.expect("the password is good") {
        SignIn::Factor(half) => half,
        SignIn::Session(_) => panic!("no second factor is asked for"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_factors_removed_at_once_one_stays() {
    each_engine(|world| async move {
        set_up(&world, &world.admin).await;
        let (_, id) = super::passkey::added(&world, &world.admin).await;
        decide(&world, FactorPolicy::Msp).await;
        let admin = cx(&world.store, &world.admin_secret).await;
        let (one, two) = (admin.clone(), admin.clone());
        let totp = tokio::spawn(async move {
            domain::factor::remove_totp(&one.confirmed().expect("just now")).await.is_ok()
        });
        let passkey = tokio::spawn(async move {
            domain::factor::remove_passkey(&two.confirmed().expect("just now"), id).await.is_ok()
        });
        assert_ne!(totp.await.expect("done"), passkey.await.expect("done"));
        assert!(domain::factor::mine(&admin).await.expect("mine").has_any());
    })
    .await;
}
