//! What browsers are told about our pages, and what other sites cannot make them do.

use crate::support::{
    PATIENCE,
    agent::{FakeAgent, Socket},
    people::{Answer, Person, send},
    server::TestServer,
    world::Engine,
};
use entity::problem::ProblemCode;
use reqwest::Method;
use serde_json::{Value, json};
use server::Limits;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

async fn fetch(person: &Person, path: &str) -> Answer {
    send(person.request(Method::GET, path).header("accept", "text/html")).await
}

#[tokio::test]
async fn every_response_says_what_it_may_do() {
    let server = TestServer::start().await;
    let stranger = server.stranger();
    for path in [
        "/sign-in",
        "/nowhere",
        "/api/v1/me",
        "/healthz",
        "/install.sh",
        "/robots.txt",
        "/portal/events",
        "/ws",
    ] {
        let answer = fetch(&stranger, path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("'unsafe-inline'") && !policy.contains("'unsafe-eval'"), "{path}: {policy}");
        assert!(
            answer.headers.get("strict-transport-security").is_none(),
            "this server is reached without TLS"
        );
    }
}

#[tokio::test]
async fn a_pages_scripts_carry_the_nonce_of_its_policy() {
    let server = TestServer::start().await;
    let [one, other] =
        [fetch(&server.stranger(), "/sign-in").await, fetch(&server.stranger(), "/sign-in").await];
    let nonce = |answer: &Answer| {
        let policy = answer.header("content-security-policy");
        policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce").to_owned()
    };
    assert_ne!(nonce(&one), nonce(&other));
    let scripts: Vec<_> = one.body.match_indices("<script").map(|(at, _)| &one.body[at..]).collect();
    assert!(!scripts.is_empty());
    for script in scripts {
        let tag = script.split('>').next().unwrap_or_default();
        assert!(tag.contains(&nonce(&one)), "{tag}");
    }
}

#[tokio::test]
async fn pages_and_answers_are_not_kept_by_caches_and_named_files_are() {
    let server = TestServer::start().await;
    let page = fetch(&server.stranger(), "/sign-in").await;
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(server.admin.get("/me").await.header("cache-control"), "no-store");
    let script = page.body.split('"').find(|part| part.ends_with("reeve.js")).expect("the loader's address");
    let file = send(server.stranger().request(Method::GET, script)).await;
    assert_eq!((file.status.as_u16(), file.body.as_str()), (200, "pkg/reeve.js"));
    assert!(file.header("cache-control").contains("immutable"));
    let small = send(server.stranger().request(Method::GET, script).header("accept-encoding", "br")).await;
    assert_eq!((small.header("content-encoding"), small.body.as_str()), ("br", "compressed"));
    let missing = fetch(&server.stranger(), &script.replace("reeve.js", "other.js")).await;
    assert_eq!((missing.status.as_u16(), missing.header("cache-control")), (404, "no-store"));
    assert_eq!(fetch(&server.stranger(), "/robots.txt").await.header("cache-control"), "no-cache");
}

#[tokio::test]
async fn large_pages_are_compressed() {
    let server = TestServer::start().await;
    for encoding in ["br", "gzip"] {
        let page = server.stranger().request(Method::GET, "/sign-in").header("accept-encoding", encoding);
        let answer = page.send().await.expect("a page");
        assert_eq!(answer.headers()["content-encoding"], encoding);
    }
}

#[tokio::test]
async fn another_sites_page_cannot_change_anything() {
    let server = TestServer::start().await;
    let change = |headers: &[(&str, &str)]| {
        let mut request = server.admin.request(Method::POST, "/api/v1/businesses");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request.json(&json!({"business_name": format!("B{}", uuid::Uuid::now_v7())})))
    };
    for headers in [
        [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        [("sec-fetch-site", "same-site"), ("origin", "https://evil.example")],
        [("x-nothing", "1"), ("origin", "https://evil.example")],
        [("x-nothing", "1"), ("origin", "null")],
    ] {
        assert_eq!(change(&headers).await.problem(403).code, ProblemCode::Forbidden, "{headers:?}");
    }
    assert_eq!(change(&[("origin", &server.url)]).await.status, 201);
    assert_eq!(change(&[("sec-fetch-site", "same-origin"), ("origin", &server.url)]).await.status, 201);
    assert_eq!(change(&[]).await.status, 201, "programs send no origin");
}

#[tokio::test]
async fn an_unknown_address_is_a_page_that_says_so() {
    let server = TestServer::start().await;
    let page = fetch(&server.admin, "/nowhere/at/all").await;
    assert_eq!(page.status, 404);
    assert!(page.header("content-type").starts_with("text/html"));
    assert_eq!(fetch(&server.stranger(), "/sign-in").await.status, 200);
}

#[tokio::test]
async fn over_tls_browsers_are_told_to_stay_there() {
    let server = TestServer::configured(Engine::Sqlite, |config| {
        config.public_url = "https://reeve.example.com".to_owned();
    })
    .await;
    for path in ["/sign-in", "/api/v1/me", "/healthz", "/nowhere"] {
        let answer = fetch(&server.stranger(), path).await;
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000", "{path}");
    }
}

#[tokio::test]
async fn every_way_in_looks_at_where_a_change_comes_from() {
    let server = TestServer::start().await;
    let paths = [
        "/portal/sign-in",
        "/portal/account/theme",
        "/portal/account/sign-out",
        "/portal/business/add",
        "/api/v1/businesses",
        "/api/businesses",
        "/api/v1/api-keys",
        "/nowhere",
    ];
    for path in paths {
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let request = server.admin.request(Method::POST, path).header(name, value).json(&json!({}));
            assert_eq!(
                send(request).await.problem(403).code,
                ProblemCode::Forbidden,
                "{path}: {name} {value}"
            );
        }
    }
    for method in ["PUT", "PATCH", "DELETE", "QUERY", "ANYTHING"] {
        let method = method.parse().expect("a method");
        let request = server.admin.request(method, "/api/v1/me").header("origin", "https://evil.example");
        assert_eq!(send(request).await.status, 403);
    }
    assert_eq!(server.admin.get("/me").await.status, 200, "nobody was signed out");
}

#[tokio::test]
async fn a_name_that_somebody_points_here_opens_nothing() {
    let server =
        TestServer::configured(Engine::Sqlite, |config| config.also_at = vec!["http://reeve.lan".to_owned()])
            .await;
    let change = async |host: &str, site: &str| {
        let request = server.admin.request(Method::POST, "/portal/account/theme");
        let request = request.header("host", host).header("origin", format!("http://{host}"));
        send(request.header("sec-fetch-site", site).form(&[("theme", "dark")])).await.status.as_u16()
    };
    assert_eq!(change("rebind.example", "same-origin").await, 403);
    assert_eq!(change("127.0.0.1.rebind.example:8080", "same-origin").await, 403);
    assert_eq!(change("reeve.lan", "same-origin").await, 200, "the operator named it");
    assert_eq!(change("192.168.1.20:8080", "same-origin").await, 200, "a number cannot be pointed elsewhere");
    assert_eq!(change("localhost:8080", "same-origin").await, 200);
}

#[tokio::test]
async fn no_page_opens_a_socket_or_listens_from_elsewhere() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    for token in [None, Some(agent.token.as_str())] {
        for origin in ["https://evil.example", server.url.as_str(), "null"] {
            let request = server.admin.request(Method::GET, "/ws").header("origin", origin);
            let request = request
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
            let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
            assert_eq!(send(request).await.problem(403).code, ProblemCode::Forbidden, "{origin}");
        }
    }
    assert!(Socket::open(&server.url, Some(&agent.token)).await.is_ok(), "an agent sends no origin");
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let request = server.admin.request(Method::GET, "/portal/events").header(name, value);
        assert_eq!(send(request).await.status, 403, "{name}");
    }
}

#[tokio::test]
async fn what_a_caller_says_about_the_request_counts_for_nothing() {
    let server = TestServer::start().await;
    let contact = server.person(entity::user::Role::Contact, server.ours).await;
    let theirs = server.theirs.business.to_string();
    let said = [
        ("x-request-id", "chosen-by-me"),
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("x-real-ip", "203.0.113.9"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-original-url", "/api/v1/users"),
        ("x-rewrite-url", "/api/v1/users"),
        ("x-http-method-override", "DELETE"),
        ("x-method-override", "DELETE"),
        ("x-tenant-id", theirs.as_str()),
        ("x-business-id", theirs.as_str()),
        ("x-user-id", theirs.as_str()),
        ("x-role", "msp_admin"),
    ];
    let with = |mut request: reqwest::RequestBuilder| {
        for (name, value) in said {
            request = request.header(name, value);
        }
        request
    };
    let path = format!("/api/v1/businesses/{}", server.ours.business);
    let plain = send(contact.request(Method::GET, &path)).await;
    let dressed = send(with(contact.request(Method::GET, &path))).await;
    assert_eq!((dressed.status, &dressed.body), (plain.status, &plain.body));
    assert_ne!(dressed.header("x-request-id"), "chosen-by-me");
    assert_eq!(dressed.header("x-request-id").len(), 32);
    assert!(dressed.headers.get("strict-transport-security").is_none());
    let listed: Value = send(with(contact.request(Method::GET, "/api/v1/businesses"))).await.expect(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    let posted = send(with(contact.request(Method::POST, &path))).await;
    assert_eq!(posted.status, 405, "a method is what it is");
    // In a query or a body it is an unknown field, or one that is not theirs.
    let asked = contact.get(&format!("/agents?business_id={theirs}")).await;
    assert!(asked.status == 404 || !asked.body.contains(&theirs), "{}", asked.body);
    let input = json!({"device_name": "R", "business_id": theirs});
    let agent = FakeAgent::of(&server, server.ours).await;
    let changed = server.admin.call("PATCH", &format!("/agents/{}", agent.id), Some(&input)).await;
    assert_eq!(changed.problem(422).field.as_deref(), Some("business_id"));
}

/// Sends bytes as they are; everything that comes back until the server closes or falls silent.
async fn raw(server: &TestServer, bytes: &[u8]) -> String {
    let mut stream = connect(server).await;
    stream.write_all(bytes).await.expect("sent");
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while let Ok(Ok(length @ 1..)) = timeout(Duration::from_millis(700), stream.read(&mut part)).await {
        answer.extend_from_slice(&part[..length]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

async fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.url.trim_start_matches("http://")).await.expect("connected")
}

#[tokio::test]
async fn what_can_be_read_in_two_ways_is_refused() {
    let server = TestServer::start().await;
    let secret = server.world.admin_secret.expose();
    let twice = [
        "Host: a.example\r\nHost: b.example",
        "Host: a\r\nAuthorization: Bearer reeve_key_a\r\nAuthorization: Bearer reeve_key_b",
        "Host: a\r\nOrigin: https://evil.example\r\nOrigin: http://a",
        "Host: a\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Site: same-origin",
        "Host: a\r\nContent-Length: 0\r\nContent-Length: 5",
        "Host: a\r\nTransfer-Encoding: identity",
        "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Host: a\r\nX-Folded: one\r\n two",
        "Host: a\r\nContent-Length: +3",
        "Host: a\r\nX-Null: a\0b",
        "Host: a\r\nSpaced : b",
    ];
    for headers in twice {
        let request =
            format!("POST /api/v1/businesses HTTP/1.1\r\n{headers}\r\nCookie: reeve={secret}\r\n\r\n");
        let answer = raw(&server, request.as_bytes()).await;
        let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
        assert!(matches!(status.as_str(), "400" | "403" | "422"), "{headers}: {answer}");
        assert!(!answer.contains("201 Created"), "{headers}");
    }
    // Two lengths, one request: what follows in the body is never taken for another one.
    let smuggled = format!("GET /api/v1/me HTTP/1.1\r\nHost: a\r\nCookie: reeve={secret}\r\n\r\n");
    let request = format!(
        "POST /api/v1/nothing HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}",
        smuggled.len() + 5,
    );
    let answer = raw(&server, request.as_bytes()).await;
    assert!(!answer.contains("ada@msp.example"), "{answer}");
}

#[tokio::test]
async fn the_head_of_a_request_is_short_and_comes_at_once() {
    let limits = Limits { head_within: Duration::from_millis(400), ..Limits::default() };
    let server = TestServer::limited(Engine::Sqlite, limits).await;
    let long = format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(100_000));
    let answer = raw(&server, long.as_bytes()).await;
    assert!(answer.is_empty() || answer.contains("431"), "{answer}");
    let many: String = (0..200).map(|n| format!("X-{n}: 1\r\n")).collect();
    let answer = raw(&server, format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{many}\r\n").as_bytes()).await;
    assert!(answer.contains("431"), "{answer}");
    let path = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(70_000));
    let answer = raw(&server, path.as_bytes()).await;
    assert!(answer.is_empty() || answer.contains("414") || answer.contains("431"), "{answer}");
    // Slow ones are cut off, at whatever they stopped.
    for begun in ["", "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ", "GET /hea"] {
        let mut stream = connect(&server).await;
        stream.write_all(begun.as_bytes()).await.expect("sent");
        let since = Instant::now();
        let mut rest = Vec::new();
        let ended = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "still open after {:?}: {begun:?}", since.elapsed());
        assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    }
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let limits = Limits { head_within: Duration::from_millis(400), ..Limits::default() };
    let server = TestServer::limited(Engine::Sqlite, limits).await;
    let mut stream = connect(&server).await;
    let head = "POST /api/v1/agents/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = [0; 64];
    let length = timeout(PATIENCE, stream.read(&mut answer)).await.expect("in time").expect("read");
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn bodies_are_as_large_as_they_need_to_be() {
    let server = TestServer::start().await;
    let large = "x".repeat(70 * 1024);
    let rest = server.admin.post("/businesses", &json!({"business_name": large})).await;
    assert_eq!(rest.problem(413).code, ProblemCode::TooLarge);
    let form =
        server.admin.request(Method::POST, "/portal/business/add").form(&[("input[business_name]", &large)]);
    assert_eq!(send(form).await.status, 413);
    let agent = FakeAgent::of(&server, server.ours).await;
    let report = json!({"services": [], "padding": "x".repeat(entity::wire::limits::MESSAGE_BYTES_MAX)});
    assert_eq!(agent.post("services", &report).await.status, 413);
    assert_eq!(server.admin.get("/me").await.status, 200);
}
