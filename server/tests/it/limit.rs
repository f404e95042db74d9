//! How much anybody may ask: what does not fit is refused with the seconds to wait, and is nobody else's problem.

use crate::support::{
    agent::{FakeAgent, Socket, metrics},
    people::{Answer, Person, send},
    server::{TestServer, field},
    world::Engine,
};
use entity::{
    presence::LinkKind,
    problem::ProblemCode,
    user::Role,
    wire::{Heartbeat, ToAgent, ToServer},
};
use reqwest::Method;
use serde_json::{Value, json};
use server::{Limits, Rate};

/// One a second, and so many at once: what a test can use up before a second is over.
fn few(burst: u32) -> Rate {
    Rate::new(1, burst)
}

fn heartbeat() -> Heartbeat {
    Heartbeat { link: LinkKind::Polling, hello: None, agent_state: None }
}

async fn server(limits: Limits) -> TestServer {
    TestServer::limited(Engine::Sqlite, limits).await
}

/// Asks so often, one after the other; says how many were answered.
async fn ask(person: &Person, times: usize) -> (usize, Vec<Answer>) {
    let mut refused = Vec::new();
    for _ in 0..times {
        let answer = person.get("/me").await;
        match answer.status.as_u16() {
            429 => refused.push(answer),
            status => assert_eq!(status, 200, "{}", answer.body),
        }
    }
    (times - refused.len(), refused)
}

#[tokio::test]
async fn too_many_requests_are_refused_with_the_seconds_to_wait() {
    let server = server(Limits { actor: few(5), ..Limits::default() }).await;
    let person = server.person(Role::Auditor, server.ours).await;
    let (answered, refused) = ask(&person, 20).await;
    assert!((5..20).contains(&answered), "{answered}");
    for answer in refused {
        let seconds: u32 = answer.header("retry-after").parse().expect("seconds");
        assert!(seconds >= 1);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let problem = answer.problem(429);
        assert_eq!((problem.code, problem.retry_after_seconds), (ProblemCode::TooMany, Some(seconds)));
    }
    // A server function and a page say the same.
    for (method, path) in [(Method::POST, "/portal/account/me"), (Method::GET, "/devices")] {
        let answer = send(person.request(method, path).header("accept", "text/html")).await;
        assert_eq!(answer.problem(429).code, ProblemCode::TooMany, "{path}");
    }
    assert_eq!(ask(&server.person(Role::Auditor, server.ours).await, 4).await.0, 4, "a colleague");
}

#[tokio::test]
async fn one_business_cannot_use_up_what_is_anothers() {
    let server = server(Limits { tenant: few(10), ..Limits::default() }).await;
    let ours = [
        server.person(Role::BusinessOwner, server.ours).await,
        server.person(Role::Contact, server.ours).await,
    ];
    let (one, other) = tokio::join!(ask(&ours[0], 30), ask(&ours[1], 30));
    assert!(one.0 + other.0 < 25, "they share: {} and {}", one.0, other.0);
    let theirs = server.person(Role::Contact, server.theirs).await;
    let (_, (answered, _)) = tokio::join!(ask(&ours[0], 30), ask(&theirs, 9));
    assert_eq!(answered, 9, "the neighbour");
    assert_eq!(ask(&server.person(Role::Auditor, server.ours).await, 9).await.0, 9, "the MSP's own");
}

#[tokio::test]
async fn a_script_does_not_shut_its_owner_out_of_the_portal() {
    let server = server(Limits { actor: few(5), ..Limits::default() }).await;
    let issued: Value = server.admin.post("/api-keys", &json!({"key_name": "loop"})).await.expect(201);
    let key: String = field(&issued, "secret");
    let mut refused = 0;
    for _ in 0..20 {
        let request = server.stranger().request(Method::GET, "/api/v1/me").bearer_auth(&key);
        refused += usize::from(send(request).await.status == 429);
    }
    assert!(refused > 5, "{refused}");
    assert_eq!(ask(&server.admin, 3).await.0, 3);
}

#[tokio::test]
async fn strangers_are_counted_by_address_and_those_who_are_known_are_not_held_up() {
    let server = server(Limits { stranger: few(10), ..Limits::default() }).await;
    assert_eq!(server.admin.get("/me").await.status, 200);
    let stranger = server.stranger();
    let mut statuses = Vec::new();
    for attempt in 0..30 {
        // With a cookie that nobody gave out, with a key that nobody made, and with neither.
        let request = stranger.request(Method::GET, "/api/v1/me");
        let request = match attempt % 3 {
            0 => request.header("cookie", format!("reeve=guess-{attempt}")),
            1 => request.bearer_auth(format!("reeve_key_{attempt}")),
            _ => request,
        };
        statuses.push(send(request).await.status.as_u16());
    }
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 429).count() > 10, "{statuses:?}");
    let sign_in = stranger.request(Method::POST, "/portal/sign-in").form(&[("input[email]", "a@b.example")]);
    assert_eq!(send(sign_in).await.status, 429);
    assert_eq!(ask(&server.admin, 20).await.0, 20, "somebody known at the same address");
    for path in ["/robots.txt", "/fonts/a.woff2", "/healthz", "/readyz"] {
        assert_eq!(send(stranger.request(Method::GET, path)).await.status, 200, "{path}");
    }
    // The agents of a site share its address with everybody there.
    FakeAgent::of(&server, server.ours).await.fresh_token().await.expect("a device is no stranger");
}

#[tokio::test]
async fn a_device_is_held_to_its_share_over_http() {
    let server = server(Limits { device: few(5), ..Limits::default() }).await;
    let (agent, other) =
        (FakeAgent::of(&server, server.ours).await, FakeAgent::of(&server, server.ours).await);
    let beat = async |agent: &FakeAgent| agent.post("heartbeat", &heartbeat()).await;
    let mut refused = Vec::new();
    for _ in 0..20 {
        let answer = beat(&agent).await;
        if answer.status == 429 {
            refused.push(answer.header("retry-after").to_owned());
        }
    }
    assert!(refused.len() > 5 && refused.iter().all(|seconds| !seconds.is_empty()), "{refused:?}");
    assert_eq!(beat(&other).await.status, 200);
    assert_eq!(server.admin.get("/me").await.status, 200);
}

#[tokio::test]
async fn the_devices_of_one_business_share_and_the_neighbours_do_not_notice() {
    let server = server(Limits { fleet: few(6), ..Limits::default() }).await;
    let ours = [FakeAgent::of(&server, server.ours).await, FakeAgent::of(&server, server.ours).await];
    let mut refused = 0;
    for round in 0..20 {
        let answer = ours[round % 2].post("heartbeat", &heartbeat()).await;
        refused += usize::from(answer.status == 429);
    }
    assert!(refused > 5, "{refused}");
    let theirs = FakeAgent::of(&server, server.theirs).await;
    for _ in 0..5 {
        assert_eq!(theirs.post("heartbeat", &heartbeat()).await.status, 200);
    }
}

/// Reads until so many samples are acknowledged; counts how often the server was busy.
async fn acknowledged(socket: &mut Socket, wanted: u64) -> u32 {
    let mut busy = 0;
    loop {
        match socket.next().await {
            ToAgent::Ack { position } if position >= wanted => return busy,
            ToAgent::Busy { retry_after_seconds } => {
                assert!(retry_after_seconds >= 1);
                busy += 1;
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_socket_that_says_too_much_is_told_so_and_loses_nothing() {
    let server = server(Limits { message: Rate::new(5, 5), ..Limits::default() }).await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let (mut socket, _) = agent.connect().await;
    for position in 1..=10 {
        socket.send(&ToServer::Metrics(metrics(position, 1))).await;
    }
    let mut last = 0;
    let mut busy = 0;
    while busy == 0 {
        match socket.next().await {
            ToAgent::Ack { position } => {
                assert_eq!(position, last + 1, "nothing is acknowledged over what was not stored");
                last = position;
            }
            ToAgent::Busy { .. } => busy += 1,
            other => panic!("{other:?}"),
        }
    }
    // Another device of the same business goes on.
    let (mut other, _) = FakeAgent::of(&server, server.ours).await.connect().await;
    other.send(&ToServer::Metrics(metrics(1, 1))).await;
    assert_eq!(acknowledged(&mut other, 1).await, 0);
    // As an agent does: what was not acknowledged is sent again, until it is.
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        socket.send(&ToServer::Metrics(metrics(10, 10 - last))).await;
        let answer = loop {
            match socket.next().await {
                ToAgent::Ack { position } if position >= 10 => break true,
                ToAgent::Ack { .. } => {}
                ToAgent::Busy { .. } => break false,
                other => panic!("{other:?}"),
            }
        };
        if answer {
            break;
        }
    }
}
