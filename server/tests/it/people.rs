//! People: invited with a link that works once, shut out at once, and never by themselves.

use crate::support::world::{PASSWORD, World, each_engine, user_input};
use entity::{
    problem::{Problem, ProblemCode},
    user::{Role, UserInput, UserQuery},
};

fn input(role: Role, world: &World) -> UserInput {
    UserInput {
        email: "New@People.example".to_owned(),
        full_name: "Noa New".to_owned(),
        role,
        business_id: (!role.is_msp()).then_some(world.business),
        ..user_input()
    }
}

#[tokio::test]
async fn an_invitation_works_once_and_is_shown_once() {
    each_engine(|world| async move {
        let admin = world.admin.confirmed().expect("just now");
        let added = domain::user::add(&admin, input(Role::MspAdmin, &world)).await.expect("added");
        assert!(added.user.is_invited && added.user.last_sign_in_at.is_none());
        let shown = domain::user::take_link(&world.admin, added.user.id).await.expect("asks");
        assert_eq!(shown.as_ref(), Some(&added.link));
        assert_eq!(domain::user::take_link(&world.admin, added.user.id).await.expect("asks"), None);
        assert!(world.sign_in("new@people.example", "").await.is_err(), "there is no password yet");

        world.accept(&added.link).await.expect("a first password");
        let again = Problem::from(world.accept(&added.link).await.err().expect("refused"));
        assert_eq!(again.code, ProblemCode::Gone);
        assert!(world.sign_in("new@people.example", PASSWORD).await.is_ok());
        let seen = domain::user::get(&world.admin, added.user.id).await.expect("a user");
        assert!(seen.last_sign_in_at.is_some() && !seen.is_invited);
    })
    .await;
}

#[tokio::test]
async fn who_is_switched_off_is_out_at_once_and_may_come_back() {
    each_engine(|world| async move {
        let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let id = owner.me().id;
        let view = domain::user::set_active(&world.admin.confirmed().expect("just now"), id, false)
            .await
            .expect("off");
        assert!(!view.is_active);
        assert!(world.sign_in(&owner.me().email, PASSWORD).await.is_err());
        domain::user::set_active(&world.admin.confirmed().expect("just now"), id, true).await.expect("on");
        assert!(world.sign_in(&owner.me().email, PASSWORD).await.is_ok());
        let oneself =
            domain::user::set_active(&world.admin.confirmed().expect("just now"), world.admin.me().id, false)
                .await;
        assert_eq!(Problem::from(oneself.expect_err("refused")).code, ProblemCode::Forbidden);
    })
    .await;
}

#[tokio::test]
async fn a_persons_place_follows_their_role() {
    each_engine(|world| async move {
        let bad = [
            ("business_id", UserInput { business_id: None, ..input(Role::Contact, &world) }),
            ("business_id", UserInput { business_id: Some(world.business), ..input(Role::Auditor, &world) }),
            ("granted", UserInput { granted: vec![world.business], ..input(Role::Auditor, &world) }),
            ("granted", UserInput { granted: vec![world.business; 2], ..input(Role::Technician, &world) }),
            ("email", UserInput { email: "nowhere".to_owned(), ..input(Role::Contact, &world) }),
            ("full_name", UserInput { full_name: " ".to_owned(), ..input(Role::Contact, &world) }),
            ("email", UserInput { email: "ada@msp.example".to_owned(), ..input(Role::Contact, &world) }),
        ];
        for (field, input) in bad {
            let problem = Problem::from(
                domain::user::add(&world.admin.confirmed().expect("just now"), input)
                    .await
                    .expect_err("refused"),
            );
            assert_eq!(problem.field.as_deref(), Some(field), "{}", problem.detail);
        }
        let good = UserInput { granted: vec![world.business], ..input(Role::Technician, &world) };
        let added =
            domain::user::add(&world.admin.confirmed().expect("just now"), good).await.expect("added").user;
        assert_eq!(added.email, "new@people.example");
        assert_eq!(added.grants[0].business_name.as_deref(), Some("Acme"));
        let of_business = domain::user::list(
            &world.admin,
            &UserQuery { business_id: Some(world.business), ..UserQuery::default() },
        )
        .await
        .expect("a list")
        .items;
        assert!(of_business.is_empty(), "a technician is the MSP's own");
    })
    .await;
}
