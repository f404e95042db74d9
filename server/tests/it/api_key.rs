//! API keys and service accounts: what a key is worth, to whom, from where, and until when.

mod rest;

use crate::support::world::{self, World};
use chrono::TimeDelta;
use domain::{Cx, Visitor, access::api_key_cx};
use entity::{
    api_key::{ApiKeyInput, ApiKeyQuery, IssuedApiKey, ServiceAccountChange, ServiceAccountInput},
    business::BusinessQuery,
    factor::FactorPolicy,
    id::{BusinessId, UserId},
    policy::Action,
    problem::{Problem, ProblemCode},
    user::{Role, UserInput, UserQuery},
};

fn input(name: &str) -> ApiKeyInput {
    ApiKeyInput {
        key_name: name.to_owned(),
        service_account_id: None,
        permissions: vec![],
        allowed_networks: String::new(),
        expires_in_days: None,
    }
}

async fn make(cx: &Cx, input: ApiKeyInput) -> domain::Result<IssuedApiKey> {
    domain::api_key::add(&cx.confirmed().expect("just signed in"), input).await
}

fn from(address: &str) -> Visitor {
    Visitor { source_ip: address.to_owned(), ..world::visitor() }
}

#[track_caller]
fn problem<T>(outcome: domain::Result<T>) -> Problem {
    outcome.err().expect("refused").problem()
}

async fn account(cx: &Cx, role: Role, business: Option<BusinessId>) -> UserId {
    let input = ServiceAccountInput {
        full_name: format!("Program {}", role.word()),
        business_id: business,
        role,
        every_business: false,
        granted: vec![],
    };
    let confirmed = cx.confirmed().expect("just signed in");
    domain::service_account::add(&confirmed, input).await.expect("made").id
}

/// Does this key still open anything?
async fn works(world: &World, key: &IssuedApiKey) -> bool {
    match api_key_cx(&world.store, &from("192.0.2.7"), &key.secret).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.problem().code, ProblemCode::SignedOut);
            false
        }
    }
}

#[tokio::test]
async fn a_key_acts_as_its_owner_within_its_scopes_and_says_its_name() {
    world::each_engine(|world: World| async move {
        let scoped = ApiKeyInput { permissions: vec![Action::ManageBusiness], ..input("backup-script") };
        let key = make(&world.admin, scoped).await.expect("made");
        assert_eq!(key.secret.len(), "reeve_key_".len() + 43);
        assert!(key.secret.starts_with("reeve_key_") && key.secret.ends_with(&key.key.hint));
        assert!(!format!("{key:?}").contains(&key.secret));
        let cx = api_key_cx(&world.store, &from("192.0.2.7"), &key.secret).await.expect("works");
        assert_eq!(cx.me().permissions, vec![Action::ManageBusiness].into());
        let business = entity::business::BusinessInput { business_name: "By a key".to_owned() };
        domain::business::add(&cx, business).await.expect("within its scopes");
        assert_eq!(
            problem(domain::user::list(&cx, &UserQuery::default()).await).code,
            ProblemCode::Forbidden,
            "no scope for it"
        );
        assert_eq!(problem(cx.confirmed().map(drop)).code, ProblemCode::Forbidden, "a key confirms nothing");
        assert_eq!(problem(domain::access::sign_out(&cx).await).code, ProblemCode::Forbidden);
        let log = entity::audit::AuditQuery { action: Some("business.add".to_owned()), ..Default::default() };
        let entries = domain::audit::list(&world.admin, &log).await.expect("the log");
        let entry = entries.items.first().expect("an entry");
        assert_eq!(entry.actor_name, "Ada Admin (key backup-script)");
        assert_eq!(entry.actor_kind, entity::audit::ActorKind::ApiKey);
    })
    .await;
}

#[tokio::test]
async fn no_key_is_given_more_than_its_maker_and_its_account_hold() {
    world::each_engine(|world: World| async move {
        let refused = async |cx: &Cx, asked: ApiKeyInput| {
            let problem = problem(make(cx, asked).await);
            (problem.code, problem.field.unwrap_or_default())
        };
        let permissions = (ProblemCode::Invalid, "permissions".to_owned());
        for action in Action::ALL {
            let asked = || ApiKeyInput { permissions: vec![*action], ..input("all") };
            if action.needs_confirmation() {
                assert_eq!(refused(&world.admin, asked()).await, permissions, "{}", action.word());
            } else {
                make(&world.admin, asked()).await.expect("the admin holds it");
            }
        }
        let technician = world.person(Role::Technician, None, &[world.business]).await;
        let asked = ApiKeyInput { permissions: vec![Action::ViewUser], ..input("more") };
        assert_eq!(refused(&technician, asked).await, permissions);
        let contact = account(&world.admin, Role::Contact, Some(world.business)).await;
        let asked = ApiKeyInput {
            permissions: vec![Action::ManageDevice],
            service_account_id: Some(contact),
            ..input("more than the account")
        };
        assert_eq!(refused(&world.admin, asked).await, permissions);
        for (days, field) in [(0, "expires_in_days"), (367, "expires_in_days")] {
            let asked = ApiKeyInput { expires_in_days: Some(days), ..input("long") };
            assert_eq!(refused(&world.admin, asked).await, (ProblemCode::Invalid, field.to_owned()));
        }
        let asked = ApiKeyInput { allowed_networks: "nowhere".to_owned(), ..input("odd") };
        assert_eq!(refused(&world.admin, asked).await, (ProblemCode::Invalid, "allowed_networks".to_owned()));
        assert_eq!(refused(&world.admin, input(" ")).await, (ProblemCode::Invalid, "key_name".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_key_ends_with_its_time_its_owner_and_their_business() {
    world::each_engine(|world: World| async move {
        let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let week = ApiKeyInput { expires_in_days: Some(7), ..input("week") };
        let key = make(&owner, week).await.expect("made");
        assert!(works(&world, &key).await);
        let admin = world.admin_now().await;
        let confirmed = admin.confirmed().expect("just signed in");
        for is_on in [false, true] {
            domain::user::set_active(&confirmed, owner.me().id, is_on).await.expect("switched");
            assert_eq!(works(&world, &key).await, is_on, "its owner");
        }
        for is_on in [false, true] {
            domain::business::set_active(&confirmed, world.business, is_on).await.expect("switched");
            assert_eq!(works(&world, &key).await, is_on, "their business");
        }
        world.clock.advance(TimeDelta::days(7) - TimeDelta::seconds(1));
        assert!(works(&world, &key).await);
        world.clock.advance(TimeDelta::seconds(1));
        assert!(!works(&world, &key).await, "its time");
        let admin = world.admin_now().await;
        let key = make(&admin, input("revoked")).await.expect("made");
        domain::api_key::revoke(&admin, key.key.id).await.expect("revoked");
        assert!(!works(&world, &key).await);
        assert_eq!(problem(domain::api_key::revoke(&admin, key.key.id).await).code, ProblemCode::Conflict);
        for guess in ["", "reeve_key_", &format!("{}x", key.secret), &key.secret[1..], "reeve_key_%"] {
            let guessed = api_key_cx(&world.store, &from("192.0.2.7"), guess).await;
            assert_eq!(problem(guessed.map(drop)).code, ProblemCode::SignedOut, "{guess}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_shrinks_with_its_owner() {
    world::each_engine(|world: World| async move {
        let technician = world.person(Role::Technician, None, &[world.business, world.neighbour]).await;
        let scoped = ApiKeyInput { permissions: vec![Action::ManageDevice], ..input("inventory") };
        let key = make(&technician, scoped).await.expect("made");
        let seen = async || {
            let cx = api_key_cx(&world.store, &from("192.0.2.7"), &key.secret).await.expect("works");
            (
                domain::business::list(&cx, &BusinessQuery::default()).await.expect("a list").items.len(),
                cx.me().may(Action::ManageDevice),
            )
        };
        assert_eq!(seen().await, (2, true));
        let me = technician.me();
        let as_is = UserInput {
            email: me.email.clone(),
            full_name: me.full_name.clone(),
            role: Role::Technician,
            granted: vec![world.business],
            ..world::user_input()
        };
        let admin = world.admin_now().await;
        let confirmed = admin.confirmed().expect("just signed in");
        domain::user::change(&confirmed, me.id, as_is.clone()).await.expect("changed");
        assert_eq!(seen().await, (1, true), "what it reaches");
        let auditor = UserInput { role: Role::Auditor, granted: vec![], ..as_is };
        domain::user::change(&confirmed, me.id, auditor).await.expect("changed");
        assert_eq!(seen().await, (2, false), "what it may do");
    })
    .await;
}

#[tokio::test]
async fn a_key_works_from_where_it_may_and_its_last_use_is_noted() {
    world::each_engine(|world: World| async move {
        let bound =
            ApiKeyInput { allowed_networks: "10.1.0.0/16, 2001:db8::/32".to_owned(), ..input("bound") };
        let key = make(&world.admin, bound).await.expect("made");
        let used = async |address: &str| api_key_cx(&world.store, &from(address), &key.secret).await.is_ok();
        for (address, may) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("2001:db8::7", true),
            ("10.2.0.1", false),
            ("2001:db9::7", false),
            ("unknown", false),
        ] {
            assert_eq!(used(address).await, may, "{address}");
        }
        let seen = async || domain::api_key::get(&world.admin, key.key.id).await.expect("one's own");
        let first = seen().await;
        assert_eq!(
            (first.last_used_ip.as_deref(), first.last_used_at),
            (Some("10.1.2.3"), Some(world::noon()))
        );
        world.clock.advance(TimeDelta::seconds(61));
        assert!(used("2001:db8::7").await && !used("10.2.0.1").await);
        let later = seen().await;
        assert_eq!(later.last_used_ip.as_deref(), Some("2001:db8::7"));
        assert!(later.last_used_at > first.last_used_at);
    })
    .await;
}

#[tokio::test]
async fn a_secret_is_shown_once_to_its_maker_and_never_stored() {
    world::each_engine(|world: World| async move {
        let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let key = make(&owner, input("once")).await.expect("made");
        assert_eq!(domain::api_key::take_secret(&world.admin, key.key.id).await.expect("may see it"), None);
        let taken = domain::api_key::take_secret(&owner, key.key.id).await.expect("one's own");
        assert_eq!(taken.as_deref(), Some(key.secret.as_str()));
        assert_eq!(domain::api_key::take_secret(&owner, key.key.id).await.expect("one's own"), None);
        let view = serde_json::to_string(
            &domain::api_key::list(&world.admin, &ApiKeyQuery::default()).await.expect("a list"),
        );
        assert!(!view.expect("JSON").contains(&key.secret));
    })
    .await;
}

#[tokio::test]
async fn keys_of_others_are_for_those_who_manage_them() {
    world::each_engine(|world: World| async move {
        let ours = world.person(Role::Contact, Some(world.business), &[]).await;
        let key = make(&ours, input("ours")).await.expect("everybody may");
        let names = async |cx: &Cx| {
            let keys = domain::api_key::list(cx, &ApiKeyQuery::default()).await.expect("a list").items;
            keys.into_iter().map(|key| key.key_name).collect::<Vec<_>>()
        };
        let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let neighbour = world.person(Role::BusinessOwner, Some(world.neighbour), &[]).await;
        let technician = world.person(Role::Technician, None, &[world.business]).await;
        make(&technician, input("technician's")).await.expect("made");
        assert_eq!(names(&ours).await, ["ours"]);
        assert_eq!(names(&owner).await, ["ours"]);
        assert_eq!(names(&technician).await, ["technician's"]);
        assert_eq!(names(&neighbour).await, Vec::<String>::new());
        assert_eq!(names(&world.admin).await.len(), 2);
        let revoked = async |cx: &Cx| domain::api_key::revoke(cx, key.key.id).await;
        assert_eq!(problem(revoked(&neighbour).await).code, ProblemCode::NotFound);
        assert_eq!(problem(revoked(&technician).await).code, ProblemCode::Forbidden);
        world.clock.advance(TimeDelta::minutes(6));
        assert_eq!(problem(revoked(&owner).await).code, ProblemCode::ConfirmIdentity);
        let own = make(&world.admin_now().await, input("own")).await.expect("made");
        let later = world::cx(&world.store, &world.admin_secret).await;
        assert_eq!(problem(later.confirmed().map(drop)).code, ProblemCode::ConfirmIdentity);
        domain::api_key::revoke(&later, own.key.id).await.expect("one's own, at any time");
        revoked(&world.admin_now().await).await.expect("within reach");
        assert!(!works(&world, &key).await);
    })
    .await;
}

#[tokio::test]
async fn a_service_account_never_signs_in_and_its_keys_end_with_it() {
    world::each_engine(|world: World| async move {
        let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let program = account(&owner, Role::Contact, Some(world.business)).await;
        let asked = ApiKeyInput { service_account_id: Some(program), ..input("of the program") };
        let key = make(&owner, asked).await.expect("made");
        let cx = api_key_cx(&world.store, &from("192.0.2.7"), &key.secret).await.expect("works");
        assert_eq!((cx.me().id, cx.me().business_id), (program, Some(world.business)));
        assert_eq!(
            domain::business::list(&cx, &BusinessQuery::default()).await.expect("a list").items.len(),
            1
        );
        for password in ["", "correct horse battery staple"] {
            let signed_in = world.sign_in(&cx.me().email, password).await;
            assert_eq!(problem(signed_in.map(drop)).code, ProblemCode::SignedOut);
        }
        let confirmed = owner.confirmed().expect("just signed in");
        let link = domain::user::send_reset_link(&confirmed, program).await;
        assert_eq!(problem(link.map(drop)).code, ProblemCode::NotFound, "no person");
        assert!(
            domain::user::list(&owner, &UserQuery::default())
                .await
                .expect("people")
                .items
                .iter()
                .all(|user| user.id != program)
        );
        let change = async |cx: &Cx, wanted| {
            domain::service_account::change(&cx.confirmed().expect("just signed in"), program, wanted).await
        };
        let rename = || ServiceAccountChange { full_name: Some("Tickets".to_owned()), is_active: None };
        assert_eq!(change(&owner, rename()).await.expect("renamed").full_name, "Tickets");
        for is_active in [false, true] {
            let wanted = ServiceAccountChange { full_name: None, is_active: Some(is_active) };
            let account = change(&owner, wanted).await.expect("switched");
            assert_eq!((account.is_active, account.working_keys), (is_active, 1));
            let keys = domain::api_key::list(
                &owner,
                &ApiKeyQuery { user_id: Some(program), ..ApiKeyQuery::default() },
            )
            .await
            .expect("a list")
            .items;
            assert_eq!(keys[0].works_at(world::noon()), is_active);
            assert_eq!(works(&world, &key).await, is_active);
        }
        let neighbour = world.person(Role::BusinessOwner, Some(world.neighbour), &[]).await;
        assert_eq!(problem(change(&neighbour, rename()).await).code, ProblemCode::NotFound);
        let asked = ApiKeyInput { service_account_id: Some(program), ..input("stolen") };
        assert_eq!(problem(make(&neighbour, asked).await).code, ProblemCode::NotFound);
        let asked = ApiKeyInput { service_account_id: Some(world.admin.me().id), ..input("as the admin") };
        assert_eq!(problem(make(&owner, asked).await).code, ProblemCode::NotFound, "a person is no program");
    })
    .await;
}

#[tokio::test]
async fn nobody_makes_a_program_that_may_more_than_they() {
    world::each_engine(|world: World| async move {
        let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let confirmed = owner.confirmed().expect("just signed in");
        for (role, business) in [
            (Role::MspAdmin, None),
            (Role::Auditor, None),
            (Role::Technician, None),
            (Role::Technician, Some(world.business)),
            (Role::Contact, Some(world.neighbour)),
            (Role::BusinessOwner, None),
        ] {
            let input = ServiceAccountInput {
                full_name: "Too much".to_owned(),
                business_id: business,
                role,
                every_business: false,
                granted: vec![],
            };
            let refused = problem(domain::service_account::add(&confirmed, input).await).code;
            assert!(
                matches!(refused, ProblemCode::Forbidden | ProblemCode::NotFound | ProblemCode::Invalid),
                "{role:?}: {refused:?}"
            );
        }
        let admins = account(&world.admin, Role::MspAdmin, None).await;
        let auditors = account(&world.admin, Role::Auditor, None).await;
        let limited = world.person(Role::Technician, None, &[world.business]).await;
        for program in [admins, auditors] {
            let asked = ApiKeyInput { service_account_id: Some(program), ..input("grab") };
            assert_eq!(problem(make(&owner, asked.clone()).await).code, ProblemCode::NotFound);
            assert_eq!(problem(make(&limited, asked).await).code, ProblemCode::NotFound);
        }
    })
    .await;
}

#[tokio::test]
async fn who_has_to_add_a_factor_makes_no_key_and_those_there_go_on() {
    world::each_engine(|world: World| async move {
        let key = make(&world.admin, input("before")).await.expect("made");
        domain::access::decide_factor_policy(&world.job(), FactorPolicy::Msp).await.expect("decided");
        let admin = world.admin_now().await;
        assert!(admin.me().must_add_factor);
        assert_eq!(problem(make(&admin, input("after")).await).code, ProblemCode::Forbidden);
        let cx = api_key_cx(&world.store, &from("192.0.2.7"), &key.secret).await.expect("works");
        assert_eq!(
            domain::business::list(&cx, &BusinessQuery::default()).await.expect("a list").items.len(),
            2
        );
    })
    .await;
}

#[tokio::test]
async fn an_account_has_no_more_working_keys_than_somebody_can_look_after() {
    world::each_engine(|world: World| async move {
        let mut made = Vec::new();
        let refused = loop {
            match make(&world.admin, input("one more")).await {
                Ok(key) => made.push(key.key.id),
                Err(error) => break error.problem(),
            }
        };
        assert_eq!((made.len(), refused.code), (50, ProblemCode::Conflict));
        domain::api_key::revoke(&world.admin, made[0]).await.expect("revoked");
        make(&world.admin, input("in its place")).await.expect("there is room again");
    })
    .await;
}
