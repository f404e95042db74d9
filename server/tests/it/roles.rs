//! Custom roles, and who may give what to whom: nobody gives what they do not have, takes it from somebody stronger,
//! or changes themselves.

use crate::support::world::{World, cx, each_engine, session_of, user_input};
use domain::{Confirmed, Cx};
use entity::{
    custom_role::{CustomRoleInput, CustomRoleQuery},
    id::CustomRoleId,
    policy::{Action, Permissions},
    problem::{Problem, ProblemCode},
    user::{Role, UserInput, UserView},
};

#[track_caller]
fn problem<T>(result: domain::Result<T>) -> Problem {
    Problem::from(result.err().expect("refused"))
}

fn confirmed(cx: &Cx) -> Confirmed<'_> {
    cx.confirmed().expect("just now")
}

fn role(name: &str, base_role: Role, permissions: &[Action]) -> CustomRoleInput {
    CustomRoleInput { role_name: name.to_owned(), base_role, permissions: permissions.to_vec() }
}

async fn make(world: &World, name: &str, base: Role, permissions: &[Action]) -> CustomRoleId {
    let admin = world.admin_now().await;
    domain::custom_role::add(&confirmed(&admin), role(name, base, permissions)).await.expect("made").id
}

/// Somebody whom the admin invited, signed in.
async fn somebody(world: &World, input: UserInput) -> Cx {
    let admin = world.admin_now().await;
    let added = domain::user::add(&confirmed(&admin), input).await.expect("invited");
    let session = session_of(world.accept(&added.link).await.expect("a password"));
    cx(&world.store, &session).await
}

async fn view(world: &World, of: &Cx) -> UserView {
    domain::user::get(&world.admin, of.me().id).await.expect("a user")
}

#[tokio::test]
async fn a_role_is_made_changed_given_and_removed() {
    each_engine(|world| async move {
        let id = make(&world, "Night shift", Role::Technician, &[Action::Approve]).await;
        let holder = UserInput {
            role: Role::Technician,
            custom_role_id: Some(id),
            granted: vec![world.business],
            ..user_input()
        };
        let holder = somebody(&world, holder).await;
        assert_eq!(holder.me().permissions, Permissions::from(vec![Action::Approve]));
        assert_eq!(holder.me().role_label(), "Night shift");

        let admin = world.admin_now().await;
        let wider = role("Night watch", Role::Technician, &[Action::Approve, Action::ManageDevice]);
        let changed = domain::custom_role::change(&confirmed(&admin), id, wider).await.expect("changed");
        assert_eq!((changed.role_name.as_str(), changed.users), ("Night watch", 1));
        assert!(view(&world, &holder).await.permissions.allow(Action::ManageDevice), "at once");

        let in_use = problem(domain::custom_role::remove(&confirmed(&admin), id).await);
        assert_eq!(in_use.code, ProblemCode::Conflict);
        assert!(in_use.detail.starts_with("1 person"), "{}", in_use.detail);
        let plain = UserInput {
            email: holder.me().email.clone(),
            role: Role::Technician,
            granted: vec![world.business],
            ..user_input()
        };
        domain::user::change(&confirmed(&admin), holder.me().id, plain)
            .await
            .expect("the built-in role again");
        domain::custom_role::remove(&confirmed(&admin), id).await.expect("removed");
        assert_eq!(problem(domain::custom_role::get(&admin, id).await).code, ProblemCode::NotFound);
        assert!(
            domain::custom_role::list(&admin, &CustomRoleQuery::default())
                .await
                .expect("a list")
                .items
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn what_a_role_cannot_be_is_refused_at_its_field() {
    each_engine(|world| async move {
        let id = make(&world, "Night shift", Role::Technician, &[]).await;
        let admin = world.admin_now().await;
        let bad = [
            ("role_name", role(" ", Role::Technician, &[])),
            ("role_name", role("night SHIFT", Role::Technician, &[])),
            ("role_name", role("msp Admin", Role::Contact, &[])),
            ("permissions", role("Theirs", Role::BusinessOwner, &[Action::ManageRole])),
            ("permissions", role("Theirs", Role::Contact, &[Action::MoveDevice])),
        ];
        for (field, input) in bad {
            let refused = problem(domain::custom_role::add(&confirmed(&admin), input).await);
            assert_eq!(refused.field.as_deref(), Some(field), "{}", refused.detail);
        }
        let other_base = role("Night shift", Role::Auditor, &[]);
        let refused = problem(domain::custom_role::change(&confirmed(&admin), id, other_base).await);
        assert_eq!(refused.field.as_deref(), Some("base_role"));
        let wrong_kind = UserInput { role: Role::Auditor, custom_role_id: Some(id), ..user_input() };
        let refused = problem(domain::user::add(&confirmed(&admin), wrong_kind).await);
        assert_eq!(refused.field.as_deref(), Some("custom_role_id"));
    })
    .await;
}

/// A technician of every business who may manage roles and people, and little else.
async fn manager(world: &World) -> Cx {
    let own = [Action::ViewUser, Action::ManageUser, Action::ManageRole, Action::ManageDevice];
    let id = make(world, "Manager", Role::Technician, &own).await;
    let input =
        UserInput { role: Role::Technician, custom_role_id: Some(id), every_business: true, ..user_input() };
    somebody(world, input).await
}

#[tokio::test]
async fn roles_give_nothing_that_their_maker_has_not() {
    each_engine(|world| async move {
        let manager = manager(&world).await;
        let strong = make(&world, "Strong", Role::Technician, &[Action::RevokeDevice]).await;
        let weak = make(&world, "Weak", Role::Technician, &[Action::ManageDevice]).await;
        let all = Action::ALL.to_vec();
        let refused = domain::custom_role::add(&confirmed(&manager), role("All", Role::MspAdmin, &all)).await;
        assert_eq!(problem(refused).field.as_deref(), Some("permissions"));
        let as_manager = confirmed(&manager);
        let refused = domain::custom_role::change(&as_manager, weak, role("Weak", Role::Technician, &all));
        assert_eq!(problem(refused.await).field.as_deref(), Some("permissions"));
        // Not even to take something away from it.
        let less = role("Strong", Role::Technician, &[]);
        let refused = problem(domain::custom_role::change(&confirmed(&manager), strong, less).await);
        assert_eq!(refused.code, ProblemCode::Forbidden);
        let refused = problem(domain::custom_role::remove(&confirmed(&manager), strong).await);
        assert_eq!(refused.code, ProblemCode::Forbidden);
        let given = UserInput { role: Role::Technician, custom_role_id: Some(strong), ..user_input() };
        assert!(domain::user::add(&confirmed(&manager), given).await.is_err(), "nor to give it");

        let own =
            domain::custom_role::list(&manager, &CustomRoleQuery::default()).await.expect("a list").items;
        let own = own.iter().find(|role| role.role_name == "Manager").expect("their own").clone();
        let refused = domain::custom_role::change(
            &as_manager,
            own.id,
            role("Manager", Role::Technician, &[Action::ManageRole]),
        );
        assert_eq!(problem(refused.await).code, ProblemCode::Forbidden, "their own role");
        let fine = role("Weaker", Role::Technician, &[Action::ManageDevice, Action::ViewUser]);
        domain::custom_role::change(&confirmed(&manager), weak, fine)
            .await
            .expect("what they have themselves");

        for weaker in [
            world.person(Role::Auditor, None, &[]).await,
            world.person(Role::Technician, None, &[world.business]).await,
            world.person(Role::BusinessOwner, Some(world.business), &[]).await,
        ] {
            let made = domain::custom_role::add(&confirmed(&weaker), role("Mine", Role::Contact, &[])).await;
            assert_eq!(problem(made).code, ProblemCode::Forbidden);
        }
        let part = UserInput {
            role: Role::Technician,
            granted: vec![world.business],
            extra_permissions: vec![Action::ManageRole, Action::ManageBusiness],
            ..user_input()
        };
        let part = somebody(&world, part).await;
        let made = domain::custom_role::add(&confirmed(&part), role("Mine", Role::Contact, &[])).await;
        assert_eq!(problem(made).code, ProblemCode::Forbidden, "roles are the whole MSP's");
        let added = entity::business::BusinessInput { business_name: "Mine".to_owned() };
        assert_eq!(problem(domain::business::add(&part, added).await).code, ProblemCode::Forbidden);
    })
    .await;
}

#[tokio::test]
async fn customers_know_of_the_roles_for_their_people_alone() {
    each_engine(|world| async move {
        make(&world, "Ours", Role::Technician, &[]).await;
        let theirs = make(&world, "Reader", Role::Contact, &[Action::ViewUser]).await;
        let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let names: Vec<_> = domain::custom_role::list(&owner, &CustomRoleQuery::default())
            .await
            .expect("a list")
            .items
            .into_iter()
            .map(|role| role.role_name)
            .collect();
        assert_eq!(names, ["Reader"]);
        let contact = UserInput { custom_role_id: Some(theirs), ..user_input() };
        let added = domain::user::add(&confirmed(&owner), contact).await.expect("invited").user;
        assert_eq!(
            added.business_id,
            Some(world.business),
            "a customer's people invite to their own business"
        );
        assert!(added.permissions.allow(Action::ViewUser));
        let contact = world.person(Role::Contact, Some(world.business), &[]).await;
        assert_eq!(
            problem(domain::custom_role::list(&contact, &CustomRoleQuery::default()).await).code,
            ProblemCode::Forbidden
        );
    })
    .await;
}

/// What somebody tries to make of a new person.
fn tries(world: &World) -> Vec<(&'static str, UserInput)> {
    let of = |role: Role| UserInput { role, ..user_input() };
    let business_id = Some(world.business);
    vec![
        ("contact", UserInput { business_id, ..of(Role::Contact) }),
        ("contact of neighbour", UserInput { business_id: Some(world.neighbour), ..of(Role::Contact) }),
        (
            "contact who approves",
            UserInput { business_id, extra_permissions: vec![Action::Approve], ..of(Role::Contact) },
        ),
        (
            "contact who moves devices",
            UserInput { business_id, extra_permissions: vec![Action::MoveDevice], ..of(Role::Contact) },
        ),
        ("owner", UserInput { business_id, ..of(Role::BusinessOwner) }),
        ("technician of nothing", of(Role::Technician)),
        ("technician", UserInput { granted: vec![world.business], ..of(Role::Technician) }),
        (
            "technician of a place",
            UserInput { granted_locations: vec![world.location], ..of(Role::Technician) },
        ),
        ("technician of neighbour", UserInput { granted: vec![world.neighbour], ..of(Role::Technician) }),
        ("technician of all", UserInput { every_business: true, ..of(Role::Technician) }),
        (
            "technician who approves",
            UserInput { extra_permissions: vec![Action::Approve], ..of(Role::Technician) },
        ),
        ("auditor", of(Role::Auditor)),
        ("admin", of(Role::MspAdmin)),
        ("admin of a business", UserInput { business_id, ..of(Role::MspAdmin) }),
    ]
}

/// Who may make what of whom, as a table that people can read.
#[tokio::test]
async fn who_may_invite_whom() {
    each_engine(|world| async move {
        let limited = |extra: &[Action]| UserInput {
            role: Role::Technician,
            extra_permissions: extra.to_vec(),
            ..user_input()
        };
        let people = [Action::ViewUser, Action::ManageUser];
        let inviters = [
            ("admin", world.admin_now().await),
            ("auditor", world.person(Role::Auditor, None, &[]).await),
            ("technician", world.person(Role::Technician, None, &[world.business]).await),
            (
                "technician of one who manages people",
                somebody(&world, UserInput { granted: vec![world.business], ..limited(&people) }).await,
            ),
            (
                "technician of a place who manages people",
                somebody(&world, UserInput { granted_locations: vec![world.location], ..limited(&people) })
                    .await,
            ),
            (
                "technician of all but neighbour who manages people",
                somebody(
                    &world,
                    UserInput { every_business: true, denied: vec![world.neighbour], ..limited(&people) },
                )
                .await,
            ),
            (
                "technician of all who manages people",
                somebody(&world, UserInput { every_business: true, ..limited(&people) }).await,
            ),
            ("owner", world.person(Role::BusinessOwner, Some(world.business), &[]).await),
            ("contact", world.person(Role::Contact, Some(world.business), &[]).await),
        ];
        let mut table = String::new();
        for (who, inviter) in &inviters {
            let mut may = Vec::new();
            for (what, input) in tries(&world) {
                let outcome = domain::user::add(&confirmed(inviter), input).await;
                if let Err(error) = &outcome {
                    let code = error.problem().code;
                    assert_ne!(code, ProblemCode::Internal, "{who} invites {what}");
                }
                if let Ok(added) = outcome {
                    may.push(what);
                    assert!(
                        inviter.me().permissions.include(&added.user.permissions),
                        "{who} made {what} stronger than themselves"
                    );
                }
            }
            table.push_str(&format!(
                "{who}: {}\n",
                if may.is_empty() { "nobody".to_owned() } else { may.join(", ") }
            ));
        }
        insta::assert_snapshot!("who_may_invite_whom", table);
    })
    .await;
}

/// Changing, shutting out and sending a link to somebody is refused to those who may less, and to everybody for
/// themselves.
#[tokio::test]
async fn nobody_touches_somebody_stronger_or_themselves() {
    each_engine(|world| async move {
        let manager = manager(&world).await;
        let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let contact = world.person(Role::Contact, Some(world.business), &[]).await;
        let auditor = world.person(Role::Auditor, None, &[]).await;
        let other_owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let neighbour = world.person(Role::Contact, Some(world.neighbour), &[]).await;
        let (forbidden, not_found) = (Some(ProblemCode::Forbidden), Some(ProblemCode::NotFound));
        let cases = [
            (&manager, &world.admin, forbidden),
            (&manager, &owner, forbidden),
            (&manager, &auditor, forbidden),
            (&manager, &manager, forbidden),
            (&manager, &contact, None),
            (&manager, &neighbour, None),
            (&owner, &world.admin, not_found),
            (&owner, &auditor, not_found),
            (&owner, &neighbour, not_found),
            (&owner, &owner, forbidden),
            (&owner, &other_owner, None),
            (&owner, &contact, None),
            (&contact, &owner, forbidden),
            (&auditor, &contact, forbidden),
            (&world.admin, &world.admin, forbidden),
        ];
        for (index, (who, whom, expected)) in cases.into_iter().enumerate() {
            let target = view(&world, whom).await;
            let same = UserInput {
                email: target.email.clone(),
                full_name: target.full_name.clone(),
                role: target.role,
                custom_role_id: target.custom_role.as_ref().map(|role| role.id),
                business_id: target.business_id,
                ..user_input()
            };
            let code = |outcome: domain::Result<()>| outcome.err().map(|error| error.problem().code);
            let outcomes = [
                code(domain::user::change(&confirmed(who), target.id, same).await.map(drop)),
                code(domain::user::send_reset_link(&confirmed(who), target.id).await.map(drop)),
                code(domain::user::set_active(&confirmed(who), target.id, true).await.map(drop)),
            ];
            assert_eq!(outcomes, [expected; 3], "case {index}");
        }
        // Nor is anybody made what their manager is not.
        let up = UserInput {
            email: contact.me().email.clone(),
            role: Role::MspAdmin,
            business_id: Some(world.business),
            ..user_input()
        };
        for who in [&owner, &manager] {
            let refused = domain::user::change(&confirmed(who), contact.me().id, up.clone()).await;
            assert_eq!(problem(refused).code, ProblemCode::Invalid);
        }
        let moved = UserInput {
            email: contact.me().email.clone(),
            business_id: Some(world.neighbour),
            ..user_input()
        };
        let refused =
            problem(domain::user::change(&confirmed(&world.admin_now().await), contact.me().id, moved).await);
        assert_eq!(refused.field.as_deref(), Some("business_id"));
    })
    .await;
}

/// A link that was sent to the former address lets nobody in.
#[tokio::test]
async fn another_address_ends_the_links_to_the_former_one() {
    each_engine(|world| async move {
        let admin = world.admin_now().await;
        let input = UserInput { business_id: Some(world.business), ..user_input() };
        let added = domain::user::add(&confirmed(&admin), input.clone()).await.expect("invited");
        let corrected = UserInput { email: "right@people.example".to_owned(), ..input };
        domain::user::change(&confirmed(&admin), added.user.id, corrected).await.expect("changed");
        let refused = problem(world.accept(&added.link).await);
        assert_eq!(refused.code, ProblemCode::Gone);
        let again = domain::user::send_reset_link(&confirmed(&admin), added.user.id).await.expect("a link");
        world.accept(&again.link).await.expect("a password");
    })
    .await;
}

/// Of two who take each other's rights at the same time, one is refused: what was checked is still so when it is
/// committed.
#[tokio::test]
async fn rights_are_changed_one_at_a_time() {
    each_engine(|world| async move {
        let admins =
            [world.person(Role::MspAdmin, None, &[]).await, world.person(Role::MspAdmin, None, &[]).await];
        let [a, b] = &admins;
        let (ca, cb) = (confirmed(a), confirmed(b));
        let (first, second) = tokio::join!(
            domain::user::set_active(&ca, b.me().id, false),
            domain::user::set_active(&cb, a.me().id, false),
        );
        assert!(first.is_ok() != second.is_ok(), "one is out and the other is not");
        let (out, who) = if first.is_ok() { (b, a) } else { (a, b) };
        assert!(!view(&world, out).await.is_active && view(&world, who).await.is_active);
    })
    .await;
}
