//! Reach: what each role sees of two businesses, through every verb that reads.

use crate::support::world::{World, each_engine};
use domain::Cx;
use entity::{
    business::{BusinessInput, BusinessQuery},
    device::DeviceQuery,
    problem::{Problem, ProblemCode},
    service_location::{ServiceLocationInput, ServiceLocationQuery},
    user::{Role, UserQuery},
};

fn code<T>(result: domain::Result<T>) -> Option<ProblemCode> {
    result.err().map(|error| Problem::from(error).code)
}

/// Everything that belongs to the first business is not found by `cx`.
async fn sees_nothing_of_the_first(world: &World, cx: &Cx, device: entity::id::DeviceId) {
    let not_found = Some(ProblemCode::NotFound);
    assert_eq!(code(domain::device::get(cx, device).await), not_found);
    assert_eq!(code(domain::device::services(cx, device).await), not_found);
    assert_eq!(code(domain::device::software(cx, device, None, None, None).await), not_found);
    assert_eq!(code(domain::device::activity(cx, device, None, None).await), not_found);
    assert_eq!(code(domain::business::get(cx, world.business).await), not_found);
    assert_eq!(code(domain::service_location::get(cx, world.location).await), not_found);
    let in_business = DeviceQuery { business_id: Some(world.business), ..DeviceQuery::default() };
    assert_eq!(domain::device::list(cx, &in_business).await.expect("a page").total, Some(0));
    let locations = domain::service_location::list(
        cx,
        &ServiceLocationQuery { business_id: Some(world.business), ..ServiceLocationQuery::default() },
    )
    .await
    .expect("a list")
    .items;
    assert!(locations.is_empty());
    let overview = domain::overview::get(cx).await.expect("an overview");
    assert_eq!(overview.devices.total(), 0);
    assert!(overview.estate.iter().all(|row| row.business_id != world.business));
}

#[tokio::test]
async fn neighbours_see_nothing_of_each_other() {
    each_engine(|world| async move {
        let (device, _) = world.device().await;
        let people = [
            world.person(Role::BusinessOwner, Some(world.neighbour), &[]).await,
            world.person(Role::Contact, Some(world.neighbour), &[]).await,
            world.person(Role::Technician, None, &[world.neighbour]).await,
            world.person(Role::Technician, None, &[]).await,
        ];
        for cx in &people {
            sees_nothing_of_the_first(&world, cx, device.agent_id).await;
        }
        let owner = &people[0];
        let users = domain::user::list(owner, &UserQuery::default()).await.expect("a list").items;
        assert!(
            users.iter().all(|user| user.business_id == Some(world.neighbour)),
            "no MSP people, no others'"
        );
        assert!(
            domain::business::list(&people[3], &BusinessQuery::default())
                .await
                .expect("a list")
                .items
                .is_empty(),
            "no grants are no reach"
        );
    })
    .await;
}

#[tokio::test]
async fn each_role_reaches_what_is_its_own() {
    each_engine(|world| async move {
        let (device, _) = world.device().await;
        let people = [
            (world.person(Role::Auditor, None, &[]).await, 2),
            (world.person(Role::Technician, None, &[world.business]).await, 1),
            (world.person(Role::BusinessOwner, Some(world.business), &[]).await, 1),
            (world.person(Role::Contact, Some(world.business), &[]).await, 1),
        ];
        for (cx, businesses) in &people {
            assert_eq!(
                domain::business::list(cx, &BusinessQuery::default()).await.expect("a list").items.len(),
                *businesses
            );
            domain::device::get(cx, device.agent_id).await.expect("within reach");
            let overview = domain::overview::get(cx).await.expect("an overview");
            assert_eq!(overview.devices.unknown, 1);
            let add = BusinessInput { business_name: "New".to_owned() };
            assert_eq!(code(domain::business::add(cx, add).await), Some(ProblemCode::Forbidden));
            let revoked = domain::device::revoke(&cx.confirmed().expect("just now"), device.agent_id).await;
            assert_eq!(code(revoked), Some(ProblemCode::Forbidden));
        }
        let customer = domain::overview::get(&people[2].0).await.expect("an overview");
        assert_eq!(customer.estate[0].service_location_id, Some(world.location), "by place, not by business");
        let technician = &people[1].0;
        let place = ServiceLocationInput { location_name: "Shed".to_owned(), ..Default::default() };
        domain::service_location::add(technician, world.business, place.clone()).await.expect("may");
        let elsewhere = domain::service_location::add(technician, world.neighbour, place).await;
        assert_eq!(code(elsewhere), Some(ProblemCode::NotFound));
    })
    .await;
}

#[tokio::test]
async fn names_are_taken_once() {
    each_engine(|world| async move {
        let acme = BusinessInput { business_name: " ACME ".to_owned() };
        let problem = Problem::from(domain::business::add(&world.admin, acme).await.expect_err("taken"));
        assert_eq!((problem.code, problem.field.as_deref()), (ProblemCode::Conflict, Some("business_name")));
        let name = BusinessInput { business_name: "Acme Ltd".to_owned() };
        let renamed = domain::business::rename(&world.admin, world.business, name).await.expect("renamed");
        assert_eq!((renamed.business_name.as_str(), renamed.service_locations), ("Acme Ltd", 1));
        let change = ServiceLocationInput {
            location_name: "Annex".to_owned(),
            address: "1 Road".to_owned(),
            contact_person: "Ann".to_owned(),
            contact_phone: "+49 1".to_owned(),
            is_headquarters: true,
        };
        let view =
            domain::service_location::change(&world.admin, world.location, change).await.expect("changed");
        assert_eq!((view.location_name.as_str(), view.address.as_deref()), ("Annex", Some("1 Road")));
        assert_eq!(
            (view.contact_person.as_deref(), view.contact_phone.as_deref()),
            (Some("Ann"), Some("+49 1"))
        );
        assert!(view.is_headquarters);
    })
    .await;
}

#[tokio::test]
async fn the_demo_is_made_once_and_on_an_empty_database_alone() {
    let world = World::on_sqlite().await;
    assert!(domain::demo::seed(&world.job()).await.expect("asks").is_none());
}
