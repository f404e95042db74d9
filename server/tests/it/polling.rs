//! The same reports over plain HTTP, for networks that block sockets.

use crate::support::{
    agent::{FakeAgent, hello, metrics},
    server::{TestServer, each_engine},
};
use entity::{
    device::DeviceView,
    presence::{LinkKind, Presence},
    problem::ProblemCode,
    wire::{Heartbeat, HeartbeatAnswer, MetricsAnswer, limits::MESSAGE_BYTES_MAX},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_a_socket_reports_everything() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let first = Heartbeat { link: LinkKind::Polling, hello: Some(Box::new(hello())), agent_state: None };
        let answer: HeartbeatAnswer = agent.post("heartbeat", &first).await.expect(200);
        assert_eq!((answer.next_checkin_seconds, answer.known.facts), (10, None));
        let answer: MetricsAnswer = agent.post("metrics", &metrics(10, 10)).await.expect(200);
        assert_eq!((answer.received, answer.position), (10, 10));
        let again: MetricsAnswer = agent.post("metrics", &metrics(10, 10)).await.expect(200);
        assert_eq!(again.received, 10, "repeats count as received");
        let service =
            json!({"service_name": "nginx.service", "status": "running", "starts_at_boot": true, "pid": 7});
        let services = json!({"manager": "systemd", "digest": "d", "items": [service]});
        for (path, body) in [
            ("services", services),
            ("software", json!({"digest": "s", "items": []})),
            ("facts", json!({"digest": "f", "facts": {"hostname": "polled"}})),
            (
                "events",
                json!({"at": "2026-11-20T12:00:00Z", "event_type": "service_crashed", "summary": "It fell."}),
            ),
        ] {
            assert_eq!(agent.post(path, &body).await.status, 204, "{path}");
        }
        let next = Heartbeat { link: LinkKind::Polling, hello: None, agent_state: None };
        let answer: HeartbeatAnswer = agent.post("heartbeat", &next).await.expect(200);
        assert_eq!(answer.known.services.as_deref(), Some("d"));
        let view: DeviceView = server.admin.get(&format!("/agents/{}", agent.id)).await.expect(200);
        assert_eq!((view.presence, view.link), (Presence::Online, Some(LinkKind::Polling)));
        assert_eq!(view.facts.hostname, "polled");
        assert_eq!(view.latest.and_then(|sample| sample.cpu_percent), Some(12.5));
    })
    .await;
}

#[tokio::test]
async fn a_device_may_speak_only_for_itself() {
    let server = TestServer::start().await;
    let (mut agent, other) =
        (FakeAgent::of(&server, server.ours).await, FakeAgent::of(&server, server.ours).await);
    let own_token = agent.token.clone();
    agent.id = other.id;
    for path in ["heartbeat", "metrics", "services", "software", "facts", "events"] {
        let answer = agent.post_as(Some(&own_token), path, &json!({})).await;
        assert_eq!(answer.problem(404).code, ProblemCode::NotFound, "{path}");
        assert_eq!(
            agent.post_as(None, path, &json!({})).await.problem(401).code,
            ProblemCode::SignedOut,
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_a_newer_agent_adds_is_ignored_and_what_is_wrong_names_its_field() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    assert_eq!(agent.post("heartbeat", &json!({"link": "polling", "mood": "fine"})).await.status, 200);
    let problem = agent.post("heartbeat", &json!({"link": "pigeon"})).await.problem(422);
    assert_eq!(problem.field.as_deref(), Some("link"));
    let problem = agent.post("metrics", &metrics(200, 121)).await.problem(422);
    assert_eq!(problem.field.as_deref(), Some("samples"));
    let large = json!({"link": "polling", "padding": "x".repeat(MESSAGE_BYTES_MAX)});
    assert_eq!(agent.post("heartbeat", &large).await.problem(413).code, ProblemCode::TooLarge);
}
