//! People: added with a password that works once, shut out at once, and never by themselves.

use crate::support::world::{PASSWORD, World, each_engine};
use entity::{
    problem::{Problem, ProblemCode},
    user::{Role, UserInput},
};

fn input(role: Role, world: &World) -> UserInput {
    UserInput {
        email: "New@People.example".to_owned(),
        full_name: "Noa New".to_owned(),
        role,
        business_id: (!role.is_msp()).then_some(world.business),
        granted: vec![],
    }
}

#[tokio::test]
async fn a_one_time_password_opens_nothing_but_the_next_password() {
    each_engine(|world| async move {
        let added = domain::user::add(&world.admin, input(Role::MspAdmin, &world)).await.expect("added");
        assert!(added.user.must_change_password && added.user.last_sign_in_at.is_none());
        let once = domain::user::take_password(&world.admin, added.user.id).await.expect("asks");
        assert_eq!(once.as_deref(), Some(added.one_time_password.as_str()));
        assert_eq!(domain::user::take_password(&world.admin, added.user.id).await.expect("asks"), None);

        let cx = world.sign_in("new@people.example", &added.one_time_password).await.expect("signs in");
        assert!(cx.me().must_change_password);
        assert!(domain::business::list(&cx).await.expect("a list").is_empty());
        assert!(domain::user::list(&cx, None).await.is_err());
        let business = entity::business::BusinessInput { business_name: "Mine".to_owned() };
        let refused = Problem::from(domain::business::add(&cx, business).await.expect_err("refused"));
        assert_eq!(refused.code, ProblemCode::Forbidden);
        let seen = domain::user::get(&world.admin, added.user.id).await.expect("a user");
        assert!(seen.last_sign_in_at.is_some());
    })
    .await;
}

#[tokio::test]
async fn who_is_switched_off_is_out_at_once_and_may_come_back() {
    each_engine(|world| async move {
        let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let id = owner.me().id;
        let view = domain::user::set_active(&world.admin, id, false).await.expect("off");
        assert!(!view.is_active);
        assert!(world.sign_in(&owner.me().email, PASSWORD).await.is_err());
        domain::user::set_active(&world.admin, id, true).await.expect("on");
        assert!(world.sign_in(&owner.me().email, PASSWORD).await.is_ok());
        let reset = domain::user::reset_password(&world.admin, id).await.expect("reset");
        assert!(world.sign_in(&owner.me().email, PASSWORD).await.is_err());
        assert!(world.sign_in(&owner.me().email, &reset.one_time_password).await.is_ok());
        let oneself = domain::user::set_active(&world.admin, world.admin.me().id, false).await;
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
            let problem = Problem::from(domain::user::add(&world.admin, input).await.expect_err("refused"));
            assert_eq!(problem.field.as_deref(), Some(field), "{}", problem.detail);
        }
        let good = UserInput { granted: vec![world.business], ..input(Role::Technician, &world) };
        let added = domain::user::add(&world.admin, good).await.expect("added").user;
        assert_eq!(added.email, "new@people.example");
        assert_eq!(added.granted[0].business_name, "Acme");
        let of_business = domain::user::list(&world.admin, Some(world.business)).await.expect("a list");
        assert!(of_business.is_empty(), "a technician is the MSP's own");
    })
    .await;
}
