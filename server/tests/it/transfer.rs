//! A device that is given to another business: it is theirs from then on, with its history and its identity.

use crate::support::{
    agent::{FakeAgent, hello, metrics},
    people::Person,
    server::{TestServer, each_engine, event},
    world::{World, cx, session_of, user_input},
};
use domain::Cx;
use entity::{
    device::{DeviceRow, DeviceTransferInput, DeviceView},
    page::Page,
    policy::Action,
    portal_event::PortalEvent,
    presence::{DisconnectReason, LinkKind},
    problem::{Problem, ProblemCode},
    user::{Role, UserInput},
    wire::{Heartbeat, MetricsAnswer, ToAgent},
};
use serde_json::{Value, json};

/// What an agent reports, for there to be a history.
async fn report(agent: &FakeAgent) {
    let _: MetricsAnswer = agent.post("metrics", &metrics(5, 5)).await.expect(200);
    let service =
        json!({"service_name": "nginx.service", "status": "running", "starts_at_boot": true, "pid": 7});
    let services = json!({"manager": "systemd", "digest": "d", "items": [service]});
    assert_eq!(agent.post("services", &services).await.status, 204);
    let item = json!({"software_name": "curl", "software_version": "8", "source": "dpkg"});
    assert_eq!(agent.post("software", &json!({"digest": "s", "items": [item]})).await.status, 204);
}

/// Everything that can be asked about a device, with the status of each answer.
async fn statuses(person: &Person, agent: &FakeAgent) -> Vec<u16> {
    let id = agent.id;
    let history = format!("/agents/{id}/history?metric=cpu_percent");
    let mut statuses = Vec::new();
    for path in [
        format!("/agents/{id}"),
        format!("/agents/{id}/services"),
        format!("/agents/{id}/software"),
        format!("/agents/{id}/activity"),
        history,
    ] {
        statuses.push(person.get(&path).await.status.as_u16());
    }
    statuses
}

async fn listed(person: &Person) -> usize {
    person.get("/agents").await.expect::<Page<DeviceRow>>(200).items.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_goes_to_another_business_with_its_history() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        report(&agent).await;
        let (mut socket, _) = agent.connect().await;
        let before = server.person(Role::BusinessOwner, server.ours).await;
        let after = server.person(Role::BusinessOwner, server.theirs).await;
        assert_eq!(statuses(&before, &agent).await, [200; 5]);
        assert_eq!(statuses(&after, &agent).await, [404; 5]);

        let mut events = server.store().events();
        let asked = json!({"business_id": server.theirs.business, "service_location_id": server.theirs.location});
        let path = format!("/agents/{}/transfer", agent.id);
        let moved: DeviceView = server.admin.post(&path, &asked).await.expect(200);
        assert_eq!(moved.business_id, server.theirs.business);
        assert_eq!(moved.service_location_id, Some(server.theirs.location));
        for estate in [server.ours, server.theirs] {
            event(&mut events, |event| {
                matches!(event, PortalEvent::Device { business_id, device_id } if (*business_id, *device_id) == (estate.business, agent.id))
            })
            .await;
        }
        let ToAgent::Goodbye { reason, .. } = socket.next().await else { panic!("the agent is told why") };
        assert_eq!(reason, DisconnectReason::AccessChanged);

        assert_eq!(statuses(&before, &agent).await, [404; 5], "nothing is left to the former business");
        assert_eq!((listed(&before).await, listed(&after).await), (0, 1));
        assert_eq!(statuses(&after, &agent).await, [200; 5]);
        let id = agent.id;
        let services: Value = after.get(&format!("/agents/{id}/services")).await.expect(200);
        assert_eq!(services["items"][0]["service_name"], "nginx.service");
        let software: Value = after.get(&format!("/agents/{id}/software")).await.expect(200);
        assert_eq!(software["items"][0]["software_name"], "curl");
        let activity = after.get(&format!("/agents/{id}/activity")).await.body;
        assert!(activity.contains("Registered from") && activity.contains("Moved here from another business"));
        assert!(!activity.contains("Acme"), "nobody learns whose it was");

        // The same key and the same token; what it reports is the new business's.
        let (_socket, _) = agent.connect().await;
        let beat = Heartbeat { link: LinkKind::Polling, hello: Some(Box::new(hello())), agent_state: None };
        assert_eq!(agent.post("heartbeat", &beat).await.status, 200);
        report(&agent).await;
        agent.fresh_token().await.expect("a token");
        server.advance(40);
        server.sweep().await;
        let told = event(&mut events, |event| matches!(event, PortalEvent::Presence { .. })).await;
        assert_eq!(told.business_id(), Some(server.theirs.business));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_businesses_have_an_entry_that_does_not_name_the_other() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let asked = json!({"business_id": server.theirs.business});
    let path = format!("/agents/{}/transfer", agent.id);
    let _: Value = server.admin.post(&path, &asked).await.expect(200);
    for (estate, action, other) in [
        (server.ours, "device.transfer", server.theirs.business),
        (server.theirs, "device.arrive", server.ours.business),
    ] {
        let owner = server.person(Role::BusinessOwner, estate).await;
        let log = owner.get("/audit").await;
        assert_eq!(log.status, 200);
        assert!(log.body.contains(action), "{action}: {}", log.body);
        assert!(!log.body.contains(&other.to_string()), "{action} names the other business");
    }
}

/// A technician who may move devices, signed in.
async fn mover(world: &World, input: UserInput) -> Cx {
    let input = UserInput { role: Role::Technician, extra_permissions: vec![Action::MoveDevice], ..input };
    let admin = world.admin_now().await;
    let added = domain::user::add(&admin.confirmed().expect("just now"), input).await.expect("invited");
    let session = session_of(world.accept(&added.link).await.expect("a password"));
    cx(&world.store, &session).await
}

#[tokio::test]
async fn a_device_goes_where_its_mover_may_put_it_alone() {
    let server = TestServer::start().await;
    let world = &server.world;
    let (ours, theirs) = (server.ours, server.theirs);
    let id = FakeAgent::of(&server, ours).await.id;
    let to = |business_id, service_location_id| DeviceTransferInput { business_id, service_location_id };
    let admin = world.admin_now().await;
    let confirmed = admin.confirmed().expect("just now");
    for (field, input) in [
        ("business_id", to(ours.business, None)),
        ("business_id", to(entity::id::BusinessId(uuid::Uuid::nil()), None)),
        ("service_location_id", to(theirs.business, Some(ours.location))),
    ] {
        let refused = domain::device::transfer(&confirmed, id, input).await;
        assert_eq!(Problem::from(refused.expect_err("refused")).field.as_deref(), Some(field));
    }
    let one = mover(world, UserInput { granted: vec![ours.business], ..user_input() }).await;
    let refused =
        domain::device::transfer(&one.confirmed().expect("just now"), id, to(theirs.business, None)).await;
    assert_eq!(Problem::from(refused.expect_err("refused")).field.as_deref(), Some("business_id"));
    let place = mover(
        world,
        UserInput { granted: vec![ours.business], granted_locations: vec![theirs.location], ..user_input() },
    )
    .await;
    let place = place.confirmed().expect("just now");
    let refused = domain::device::transfer(&place, id, to(theirs.business, None)).await;
    assert_eq!(Problem::from(refused.expect_err("refused")).field.as_deref(), Some("service_location_id"));
    domain::device::transfer(&place, id, to(theirs.business, Some(theirs.location)))
        .await
        .expect("there they may");
    let refused =
        domain::device::transfer(&one.confirmed().expect("just now"), id, to(ours.business, None)).await;
    assert_eq!(
        Problem::from(refused.expect_err("refused")).code,
        ProblemCode::NotFound,
        "gone from their reach"
    );

    let technician = world.person(Role::Technician, None, &[ours.business, theirs.business]).await;
    let refused =
        domain::device::transfer(&technician.confirmed().expect("just now"), id, to(ours.business, None))
            .await;
    assert_eq!(Problem::from(refused.expect_err("refused")).code, ProblemCode::Forbidden);
    domain::device::revoke(&confirmed, id).await.expect("revoked");
    let refused = domain::device::transfer(&confirmed, id, to(ours.business, None)).await;
    assert_eq!(Problem::from(refused.expect_err("refused")).code, ProblemCode::Conflict);
}
