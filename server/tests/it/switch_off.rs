//! A business that is switched off: everything of it ends, and comes back when it is switched on again.

use crate::support::{
    agent::{FakeAgent, Socket, hello, metrics},
    people::{Person, send},
    server::{TestServer, each_engine, field},
    world::{PASSWORD, user_input},
};
use entity::{
    business::BusinessView,
    presence::{DisconnectReason, LinkKind, Presence},
    problem::ProblemCode,
    user::{Role, UserInput},
    wire::{Heartbeat, ToAgent, ToServer},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn switch(server: &TestServer, is_active: bool) -> BusinessView {
    let path = format!("/businesses/{}/active", server.ours.business);
    server.admin.post(&path, &json!({"is_active": is_active})).await.expect(200)
}

/// A key of a service account of our business.
async fn key(server: &TestServer) -> String {
    let asked = json!({"full_name": "Program", "role": "contact", "business_id": server.ours.business});
    let account: Value = server.admin.post("/service-accounts", &asked).await.expect(201);
    let asked = json!({"key_name": "Program", "service_account_id": account["id"]});
    let made: Value = server.admin.post("/api-keys", &asked).await.expect(201);
    field(&made, "secret")
}

async fn status_with_key(server: &TestServer, key: &str) -> u16 {
    let request = server.stranger().request(Method::GET, "/api/v1/agents");
    send(request.bearer_auth(key)).await.status.as_u16()
}

async fn beat(agent: &FakeAgent) -> u16 {
    let beat = Heartbeat { link: LinkKind::Polling, hello: Some(Box::new(hello())), agent_state: None };
    agent.post("heartbeat", &beat).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_business_that_is_off_has_no_people_no_keys_and_no_agents() {
    each_engine(async |server| {
        let (contact, owner) = (
            server.person(Role::Contact, server.ours).await,
            server.person(Role::BusinessOwner, server.ours).await,
        );
        let neighbour = server.person(Role::Contact, server.theirs).await;
        let key = key(&server).await;
        let agent = FakeAgent::of(&server, server.ours).await;
        let other = FakeAgent::of(&server, server.theirs).await;
        let waiting = server.token(server.ours).await.token;
        let (mut socket, _) = agent.connect().await;
        assert_eq!(status_with_key(&server, &key).await, 200);

        assert!(!switch(&server, false).await.is_active);
        let ToAgent::Goodbye { reason, retry_after_seconds } = socket.next().await else {
            panic!("the agent is told why");
        };
        assert_eq!(reason, DisconnectReason::AccessChanged);
        assert!(retry_after_seconds <= 60);
        socket.closed().await;
        for person in [&contact, &owner] {
            assert_eq!(person.get("/me").await.status, 401);
            let stream = send(person.request(Method::GET, "/portal/events")).await;
            assert_eq!(stream.status, 401);
        }
        assert_eq!(status_with_key(&server, &key).await, 401);
        assert_eq!(beat(&agent).await, 403, "over HTTP too");
        assert!(Socket::open(&server.url, Some(&agent.token)).await.is_err());
        let refused = agent.fresh_token().await.expect_err("no token").problem(403);
        assert_eq!(refused.code, ProblemCode::Forbidden, "not as if it were revoked: it has to come back");
        let refused = FakeAgent::register(&server, &waiting).await.err().expect("no new device");
        assert_eq!(refused.status, 403);
        assert_eq!(neighbour.get("/me").await.status, 200);
        assert_eq!(beat(&other).await, 200, "others are not touched");

        assert!(switch(&server, true).await.is_active);
        assert_eq!(contact.get("/me").await.status, 401, "old sessions stay over");
        assert_eq!(status_with_key(&server, &key).await, 200);
        assert_eq!(beat(&agent).await, 200);
        agent.fresh_token().await.expect("a token");
        let (mut socket, _) = agent.connect().await;
        socket
            .send(&ToServer::Heartbeat(Heartbeat { link: LinkKind::Socket, hello: None, agent_state: None }))
            .await;
        FakeAgent::register(&server, &waiting).await.expect("the token was not used up");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_devices_go_offline_and_say_why() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let (socket, _) = agent.connect().await;
    switch(&server, false).await;
    drop(socket);
    // The socket ends in its own task; the sweep looks again until it has.
    for _ in 0..50 {
        server.advance(20);
        server.sweep().await;
        let device = domain::device::get(&server.world.admin, agent.id).await.expect("a device");
        if device.presence == Presence::Offline {
            assert_eq!(device.disconnect_reason, Some(DisconnectReason::AccessChanged));
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it never went offline");
}

#[tokio::test]
async fn nobody_signs_in_for_it_and_who_may_switch_it() {
    let server = TestServer::start().await;
    let world = &server.world;
    let admin = world.admin_now().await;
    let input = UserInput {
        role: Role::BusinessOwner,
        business_id: Some(server.ours.business),
        email: "owner@people.example".to_owned(),
        ..user_input()
    };
    let added = domain::user::add(&admin.confirmed().expect("just now"), input).await.expect("invited");
    world.accept(&added.link).await.expect("a password");
    switch(&server, false).await;
    assert!(world.sign_in("owner@people.example", PASSWORD).await.is_err());
    switch(&server, true).await;
    world.sign_in("owner@people.example", PASSWORD).await.expect("signs in");

    let path = format!("/businesses/{}/active", server.ours.business);
    for role in [Role::Auditor, Role::Technician, Role::BusinessOwner, Role::Contact] {
        let person: Person = server.person(role, server.ours).await;
        assert_eq!(person.post(&path, &json!({"is_active": false})).await.status, 403, "{}", role.word());
    }
    server.advance(301);
    let refused = server.admin.post(&path, &json!({"is_active": false})).await.problem(403);
    assert_eq!(refused.code, ProblemCode::ConfirmIdentity, "a session that was left open is not enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_decided_ends_sockets_with_the_next_look_at_all_of_them() {
    each_engine(async |server| {
        let (agent, other) =
            (FakeAgent::of(&server, server.ours).await, FakeAgent::of(&server, server.theirs).await);
        let (mut socket, _) = agent.connect().await;
        let (mut neighbours, _) = other.connect().await;
        let look = || async { domain::job::recheck_sockets(&server.world.job()).await.expect("asked") };
        assert_eq!(look().await, 0, "nothing was decided");

        // Another process on the same database, without a bus between them.
        let config = domain::Config {
            database_url: server.world.database_url.clone(),
            data_dir: server.world.folder().to_owned(),
            public_url: server.url.clone(),
            command_key_file: None,
        };
        let elsewhere = domain::Store::open(config, server.world.clock.clone()).await.expect("opens");
        let admin = crate::support::world::cx(&elsewhere, &server.world.admin_secret).await;
        domain::device::revoke(&admin.confirmed().expect("just signed in"), agent.id).await.expect("revoked");

        assert_eq!(look().await, 1, "the one that was revoked, and not its neighbour");
        let ToAgent::Goodbye { reason, .. } = socket.next().await else { panic!("the agent is told why") };
        assert_eq!(reason, DisconnectReason::Revoked);
        socket.closed().await;
        neighbours.send(&ToServer::Metrics(metrics(1, 1))).await;
        assert_eq!(neighbours.next().await, ToAgent::Ack { position: 1 }, "goes on");
        elsewhere.close().await;
    })
    .await;
}
