//! Grants: single places, every business but some, and denials that win over whatever allows.

use crate::support::world::{World, each_engine, register_request, user_input, visitor};
use domain::Cx;
use entity::{
    business::BusinessQuery,
    device::{DeviceInput, DeviceQuery},
    id::{BusinessId, DeviceId, ServiceLocationId},
    policy::Action,
    portal_event::PortalEvent,
    presence::Presence,
    problem::{Problem, ProblemCode},
    registration::{RegistrationTokenInput, RegistrationTokenQuery},
    service_location::{ServiceLocationInput, ServiceLocationQuery},
    user::{Effect, Role, UserInput, UserQuery},
};

#[track_caller]
fn problem<T>(result: domain::Result<T>) -> Problem {
    Problem::from(result.err().expect("refused"))
}

/// A technician, signed in, with these grants.
async fn technician(world: &World, input: UserInput) -> Cx {
    let admin = world.admin_now().await;
    let input = UserInput { role: Role::Technician, ..input };
    let added = domain::user::add(&admin.confirmed().expect("just now"), input).await.expect("invited");
    let session = crate::support::world::session_of(world.accept(&added.link).await.expect("a password"));
    crate::support::world::cx(&world.store, &session).await
}

fn token_input(business: BusinessId, place: Option<ServiceLocationId>) -> RegistrationTokenInput {
    RegistrationTokenInput {
        business_id: business,
        service_location_id: place,
        device_name: String::new(),
        expires_in_hours: None,
    }
}

async fn device(world: &World, business: BusinessId, place: Option<ServiceLocationId>) -> DeviceId {
    let token =
        domain::registration::issue(&world.admin, token_input(business, place)).await.expect("a token");
    let request = register_request(&token.token);
    domain::registration::register(&world.store, &visitor(), request).await.expect("registered").agent_id
}

async fn place(world: &World, name: &str) -> ServiceLocationId {
    let input = ServiceLocationInput { location_name: name.to_owned(), ..Default::default() };
    domain::service_location::add(&world.admin, world.business, input).await.expect("a place").id
}

async fn listed(cx: &Cx) -> Vec<DeviceId> {
    let page = domain::device::list(cx, &DeviceQuery::default()).await.expect("a page");
    assert_eq!(page.total, Some(page.items.len() as u64), "the total counts what is shown");
    page.items.into_iter().map(|row| row.id).collect()
}

async fn sees_event(cx: &Cx, business_id: BusinessId, device_id: DeviceId) -> bool {
    let since = crate::support::world::noon();
    let event = PortalEvent::Presence { business_id, device_id, presence: Presence::Online, since };
    cx.sees(&event).await.expect("asks")
}

/// Through every verb that reads one device.
async fn has_nothing_of(cx: &Cx, id: DeviceId) {
    let history = entity::metric::HistoryQuery {
        metrics: vec![entity::metric::Metric::CpuPercent],
        start: crate::support::world::noon() - chrono::TimeDelta::hours(1),
        end: crate::support::world::noon(),
        interval_seconds: None,
    };
    let codes = [
        problem(domain::device::get(cx, id).await).code,
        problem(domain::device::services(cx, id).await).code,
        problem(domain::device::software(cx, id, None, None, None).await).code,
        problem(domain::device::activity(cx, id, None, None).await).code,
        problem(domain::metric::history(cx, id, &history).await).code,
    ];
    assert_eq!(codes, [ProblemCode::NotFound; 5]);
}

#[tokio::test]
async fn a_place_is_reached_alone() {
    each_engine(|world| async move {
        let annex = place(&world, "Annex").await;
        let here = device(&world, world.business, Some(world.location)).await;
        let elsewhere = [
            device(&world, world.business, Some(annex)).await,
            device(&world, world.business, None).await,
            device(&world, world.neighbour, Some(world.neighbour_location)).await,
        ];
        let cx = technician(
            &world,
            UserInput {
                granted_locations: vec![world.location],
                extra_permissions: vec![Action::RegisterDevice],
                ..user_input()
            },
        )
        .await;
        assert_eq!(listed(&cx).await, [here]);
        assert!(sees_event(&cx, world.business, here).await);
        for id in elsewhere {
            has_nothing_of(&cx, id).await;
            assert!(!sees_event(&cx, world.business, id).await);
        }
        domain::device::activity(&cx, here, None, None).await.expect("its activity");
        let business = domain::business::get(&cx, world.business).await.expect("the business of the place");
        assert_eq!((business.devices.total(), business.service_locations, business.users), (1, 1, 0));
        let places = domain::service_location::list(&cx, &ServiceLocationQuery::default())
            .await
            .expect("places")
            .items;
        assert_eq!(places.iter().map(|place| place.id).collect::<Vec<_>>(), [world.location]);
        let overview = domain::overview::get(&cx).await.expect("an overview");
        assert_eq!((overview.devices.total(), overview.estate.len()), (1, 1));

        for gone in [Some(annex), None, Some(world.neighbour_location)] {
            let input = DeviceInput { device_name: "web".to_owned(), service_location_id: gone };
            let refused = problem(domain::device::change(&cx, here, input).await);
            assert_eq!(refused.field.as_deref(), Some("service_location_id"), "{gone:?}: {}", refused.detail);
        }
        let stay = DeviceInput { device_name: "web".to_owned(), service_location_id: Some(world.location) };
        assert_eq!(domain::device::change(&cx, here, stay).await.expect("renamed").device_name, "web");
        let add = ServiceLocationInput { location_name: "Mine".to_owned(), ..Default::default() };
        let refused = domain::service_location::add(&cx, world.business, add).await;
        assert_eq!(problem(refused).code, ProblemCode::Forbidden, "a place is not the business");

        for refused in [None, Some(annex)] {
            let issued = domain::registration::issue(&cx, token_input(world.business, refused)).await;
            assert!(issued.is_err(), "{refused:?}");
        }
        domain::registration::issue(&cx, token_input(world.business, Some(world.location)))
            .await
            .expect("for the own place");
        let tokens =
            domain::registration::list(&cx, &RegistrationTokenQuery::default()).await.expect("tokens").items;
        assert!(tokens.iter().all(|token| token.service_location_id == Some(world.location)));
        assert_eq!(tokens.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn every_business_but_one() {
    each_engine(|world| async move {
        let ours = device(&world, world.business, None).await;
        let theirs = device(&world, world.neighbour, None).await;
        let neighbour = world.person(Role::Contact, Some(world.neighbour), &[]).await;
        let cx = technician(
            &world,
            UserInput {
                every_business: true,
                denied: vec![world.neighbour],
                extra_permissions: vec![Action::ViewUser],
                ..user_input()
            },
        )
        .await;
        assert_eq!(listed(&cx).await, [ours]);
        has_nothing_of(&cx, theirs).await;
        assert!(
            sees_event(&cx, world.business, ours).await && !sees_event(&cx, world.neighbour, theirs).await
        );
        assert_eq!(problem(domain::business::get(&cx, world.neighbour).await).code, ProblemCode::NotFound);
        let people = domain::user::list(&cx, &UserQuery::default()).await.expect("people").items;
        assert!(people.iter().any(|user| user.id == world.admin.me().id), "the MSP's own too");
        assert!(people.iter().all(|user| user.id != neighbour.me().id));

        let input = entity::business::BusinessInput { business_name: "Later".to_owned() };
        let later = domain::business::add(&world.admin, input).await.expect("added").id;
        domain::business::get(&cx, later).await.expect("also what is added later");
        let reach = domain::user::get(&world.admin, cx.me().id).await.expect("a user").grants;
        assert!(reach.iter().any(|grant| grant.effect == Effect::Allow && grant.business_id.is_none()));
        let denied = reach.iter().find(|grant| grant.effect == Effect::Deny).expect("a denial");
        assert_eq!(denied.business_name.as_deref(), Some("Neighbour"));
    })
    .await;
}

#[tokio::test]
async fn a_denial_wins_at_both_levels() {
    each_engine(|world| async move {
        let annex = place(&world, "Annex").await;
        let main = device(&world, world.business, Some(world.location)).await;
        let loose = device(&world, world.business, None).await;
        let hidden = device(&world, world.business, Some(annex)).await;
        let but_annex = UserInput {
            granted: vec![world.business],
            granted_locations: vec![annex],
            denied_locations: vec![annex],
            ..user_input()
        };
        let cx = technician(&world, but_annex).await;
        let mut seen = listed(&cx).await;
        seen.sort_unstable();
        assert_eq!(seen, [main, loose]);
        has_nothing_of(&cx, hidden).await;
        assert!(
            !sees_event(&cx, world.business, hidden).await && sees_event(&cx, world.business, loose).await
        );
        let business = domain::business::get(&cx, world.business).await.expect("the business");
        assert_eq!((business.devices.total(), business.service_locations), (2, 1));

        let nothing = [
            UserInput { granted: vec![world.business], denied: vec![world.business], ..user_input() },
            UserInput { granted_locations: vec![annex], denied: vec![world.business], ..user_input() },
            UserInput { granted_locations: vec![annex], denied_locations: vec![annex], ..user_input() },
        ];
        for input in nothing {
            let cx = technician(&world, input).await;
            assert!(listed(&cx).await.is_empty());
            assert!(
                domain::business::list(&cx, &BusinessQuery::default())
                    .await
                    .expect("a list")
                    .items
                    .is_empty()
            );
            assert!(
                domain::service_location::list(&cx, &ServiceLocationQuery::default())
                    .await
                    .expect("a list")
                    .items
                    .is_empty()
            );
            assert!(!sees_event(&cx, world.business, hidden).await);
        }
        // What is in a reach follows at once when a device moves into it.
        let input = DeviceInput { device_name: "web".to_owned(), service_location_id: Some(world.location) };
        domain::device::change(&world.admin, hidden, input).await.expect("moved");
        assert_eq!(listed(&cx).await.len(), 3);
    })
    .await;
}

/// Whoever changes somebody cannot take away what they cannot see, least of all a denial.
#[tokio::test]
async fn what_a_manager_cannot_see_stays_as_it_is() {
    each_engine(|world| async move {
        let manager = technician(
            &world,
            UserInput {
                every_business: true,
                denied: vec![world.neighbour],
                extra_permissions: vec![Action::ViewUser, Action::ManageUser],
                ..user_input()
            },
        )
        .await;
        let input = UserInput {
            role: Role::Technician,
            granted: vec![world.business, world.neighbour],
            denied: vec![world.neighbour],
            ..user_input()
        };
        let admin = world.admin_now().await;
        let confirmed = admin.confirmed().expect("just now");
        let changed = domain::user::add(&confirmed, input.clone()).await.expect("invited").user;
        let seen = domain::user::get(&manager, changed.id).await.expect("within reach");
        assert_eq!(seen.grants.len(), 1, "grants of what is denied to whoever looks are not theirs to see");

        let only_own = UserInput { granted: vec![world.business], denied: vec![], ..input.clone() };
        let confirmed = manager.confirmed().expect("just now");
        domain::user::change(&confirmed, changed.id, only_own).await.expect("changed");
        let after = domain::user::get(&world.admin, changed.id).await.expect("a user").grants;
        let denied = after.iter().find(|grant| grant.effect == Effect::Deny).expect("the denial is kept");
        assert_eq!(denied.business_id, Some(world.neighbour));
        assert_eq!(after.len(), 3);

        let wider = [
            ("granted", UserInput { granted: vec![world.neighbour], denied: vec![], ..input.clone() }),
            (
                "granted_locations",
                UserInput {
                    granted: vec![],
                    denied: vec![],
                    granted_locations: vec![world.neighbour_location],
                    ..input.clone()
                },
            ),
        ];
        for (field, input) in wider {
            let refused = problem(domain::user::change(&confirmed, changed.id, input).await);
            assert_eq!(refused.field.as_deref(), Some(field), "{}", refused.detail);
        }
        let everything = UserInput { every_business: true, granted: vec![], denied: vec![], ..user_input() };
        let refused = domain::user::add(&confirmed, UserInput { role: Role::Technician, ..everything }).await;
        assert_eq!(problem(refused).field.as_deref(), Some("granted"), "all is more than all but one");
    })
    .await;
}
