//! What browsers are told about our pages, and what other sites cannot make them do.

use crate::support::{
    people::{Answer, Person, send},
    server::TestServer,
};
use entity::problem::ProblemCode;
use reqwest::Method;
use serde_json::json;

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
        assert!(
            !policy.contains("'unsafe-inline'; script") && !policy.contains("'unsafe-eval'"),
            "{path}: {policy}"
        );
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
