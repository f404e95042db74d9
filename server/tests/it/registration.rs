//! A machine becomes a device: exactly once per token, and only while the token is good.

use crate::support::{
    agent::FakeAgent,
    server::{TestServer, each_engine},
};
use entity::{
    device::DeviceRow,
    page::Page,
    problem::ProblemCode,
    registration::{RegistrationState, RegistrationTokenView},
    user::Role,
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_machines_with_one_token_one_becomes_a_device() {
    each_engine(async |server| {
        let token = server.token(server.ours).await;
        let tries = (0..100).map(|_| FakeAgent::register(&server, &token.token));
        let (devices, refusals): (Vec<_>, Vec<_>) =
            futures::future::join_all(tries).await.into_iter().partition(Result::is_ok);
        assert_eq!((devices.len(), refusals.len()), (1, 99));
        for refusal in refusals.into_iter().filter_map(Result::err) {
            let problem = refusal.problem(410);
            assert_eq!((problem.code, problem.field.as_deref()), (ProblemCode::Gone, Some("token")));
        }
        let listed: Page<DeviceRow> = server.admin.get("/agents").await.expect(200);
        assert_eq!(listed.items.len(), 1);
        assert_eq!(listed.items[0].service_location_id, Some(server.ours.location));
        let tokens: Page<RegistrationTokenView> =
            server.admin.get("/agents/registration-tokens").await.expect(200);
        assert_eq!(tokens.items[0].state, RegistrationState::Consumed);
        assert_eq!(tokens.items[0].device_id, Some(listed.items[0].id));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_works_until_it_expires() {
    each_engine(async |server| {
        let token = server.token(server.ours).await;
        server.advance(24 * 3600 - 1);
        FakeAgent::register(&server, &token.token).await.expect("a second is left");
        let admin = server.person(Role::MspAdmin, server.ours).await;
        let asked = json!({"business_id": server.ours.business, "expires_in_hours": 1});
        let token = admin
            .post("/agents/registration-tokens", &asked)
            .await
            .expect::<entity::registration::IssuedRegistrationToken>(201);
        server.advance(3600);
        let refusal = FakeAgent::register(&server, &token.token).await.err().expect("too late");
        assert_eq!(refusal.problem(410).field.as_deref(), Some("token"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_makes_no_device() {
    each_engine(async |server| {
        let token = server.token(server.ours).await;
        let path = format!("/agents/registration-tokens/{}", token.id);
        let view: RegistrationTokenView = server.admin.call("DELETE", &path, None).await.expect(200);
        assert_eq!(view.state, RegistrationState::Revoked);
        let refusal = FakeAgent::register(&server, &token.token).await.err().expect("revoked");
        assert_eq!(refusal.problem(410).code, ProblemCode::Gone);
        assert_eq!(server.admin.call("DELETE", &path, None).await.problem(409).code, ProblemCode::Conflict);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_token_makes_no_device() {
    let server = TestServer::start().await;
    let refusal =
        FakeAgent::register(&server, "AGT-00000000-00000000-00000000").await.err().expect("unknown");
    let problem = refusal.problem(401);
    assert_eq!((problem.code, problem.field.as_deref()), (ProblemCode::SignedOut, Some("token")));
}

#[tokio::test]
async fn the_secret_is_shown_once_and_stands_in_every_install_command() {
    let server = TestServer::start().await;
    let token = server.token(server.ours).await;
    for command in
        [&token.install_command_linux, &token.install_command_macos, &token.install_command_windows]
    {
        assert!(command.contains(&token.token) && command.contains(&server.url), "{command}");
    }
    let listed = server.admin.get("/agents/registration-tokens").await;
    assert!(!listed.body.contains(&token.token), "the list must not hold the secret");
}

#[tokio::test]
async fn a_device_proves_itself_with_its_key_alone() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let other = FakeAgent::of(&server, server.ours).await;
    let fresh = agent.fresh_token().await.expect("a token");
    assert_eq!(agent.post_as(Some(&fresh), "heartbeat", &json!({"link": "polling"})).await.status, 200);
    let challenge = other.post_as(None, "challenge", &()).await.expect::<serde_json::Value>(200);
    // Another device's challenge, and a signature over nothing.
    let proof = json!({"challenge": challenge["challenge"], "signature": "A".repeat(86)});
    assert_eq!(agent.post_as(None, "token", &proof).await.status, 401);
    assert_eq!(other.post_as(None, "token", &proof).await.status, 401);
}
