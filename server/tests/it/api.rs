//! The REST API's manners: problems, lists, limits, and both of its addresses.

use crate::support::{agent::FakeAgent, people::send, server::TestServer};
use entity::{problem::ProblemCode, user::Role};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn problems_have_the_members_of_the_standard() {
    let server = TestServer::start().await;
    let answer = server.stranger().get("/businesses").await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let body: Value = answer.expect(401);
    assert_eq!(body["type"], "about:blank");
    assert_eq!(
        (&body["title"], &body["status"], &body["code"]),
        (&json!("Unauthorized"), &json!(401), &json!("signed_out"))
    );
    let nowhere = server.admin.get("/nowhere").await;
    assert_eq!(nowhere.problem(404).code, ProblemCode::NotFound);
}

#[tokio::test]
async fn both_addresses_answer_the_same() {
    let server = TestServer::start().await;
    let bodies =
        ["/api/v1/businesses", "/api/businesses"].map(|path| server.admin.request(Method::GET, path));
    let [one, other] = bodies.map(send);
    assert_eq!(one.await.expect::<Value>(200), other.await.expect::<Value>(200));
}

#[tokio::test]
async fn lists_have_one_shape() {
    let server = TestServer::start().await;
    FakeAgent::of(&server, server.ours).await;
    for path in ["/businesses", "/service-locations", "/users", "/agents", "/agents/registration-tokens"] {
        let list: Value = server.admin.get(path).await.expect(200);
        assert!(list["items"].as_array().is_some_and(|items| !items.is_empty()), "{path}: {list}");
        assert!(list.get("next_cursor").is_some_and(Value::is_null), "{path}: {list}");
    }
}

#[tokio::test]
async fn what_people_send_is_checked_and_the_field_named() {
    let server = TestServer::start().await;
    for (method, path, body, field) in [
        ("POST", "/businesses", json!({}), "business_name"),
        ("POST", "/businesses", json!({"business_name": " "}), "business_name"),
        ("POST", "/businesses", json!({"business_name": 7}), "business_name"),
        ("POST", "/businesses", json!({"business_name": "A", "color": "red"}), "color"),
        ("POST", "/agents/registration-tokens", json!({"business_id": "x"}), "business_id"),
        ("POST", "/users", json!({"email": "a", "full_name": "A", "role": "msp_admin"}), "email"),
        ("POST", "/users", json!({"email": "a@b.example", "full_name": "A", "role": "king"}), "role"),
        ("GET", "/agents?status=asleep", json!(null), "status"),
        ("GET", "/agents?colour=red", json!(null), "colour"),
        ("GET", "/agents?limit=many", json!(null), "limit"),
    ] {
        let body = (method == "POST").then_some(&body);
        let problem = server.admin.call(method, path, body).await.problem(422);
        assert_eq!(
            (problem.code, problem.field.as_deref()),
            (ProblemCode::Invalid, Some(field)),
            "{method} {path} {body:?}"
        );
    }
}

#[tokio::test]
async fn bodies_have_to_be_json_and_small() {
    let server = TestServer::start().await;
    let post = || server.admin.request(Method::POST, "/api/v1/businesses");
    let form = send(post().header("content-type", "text/plain").body(r#"{"business_name":"A"}"#)).await;
    assert!(
        form.problem(422).detail.contains("application/json"),
        "what other sites' forms can send is refused"
    );
    let broken = send(post().header("content-type", "application/json").body("{")).await;
    assert!(broken.problem(422).detail.contains("not valid JSON"));
    let large = server.admin.post("/businesses", &json!({"business_name": "x".repeat(65 * 1024)})).await;
    assert_eq!(large.problem(413).code, ProblemCode::TooLarge);
}

#[tokio::test]
async fn ids_that_are_none_name_nothing() {
    let server = TestServer::start().await;
    for path in ["/agents/7", "/businesses/x", "/users/00000000-0000-0000-0000-000000000000"] {
        assert_eq!(server.admin.get(path).await.problem(404).code, ProblemCode::NotFound, "{path}");
    }
}

#[tokio::test]
async fn a_person_who_is_switched_off_is_out_at_once() {
    let server = TestServer::start().await;
    let contact = server.person(Role::Contact, server.ours).await;
    let me: Value = contact.get("/me").await.expect(200);
    assert_eq!(me["role"], "contact");
    let path = format!("/users/{}", me["id"].as_str().expect("an id"));
    server.admin.call("PATCH", &path, Some(&json!({"is_active": false}))).await.expect::<Value>(200);
    assert_eq!(contact.get("/me").await.status, 401);
}

#[tokio::test]
async fn two_people_cannot_sign_in_with_one_address() {
    let server = TestServer::start().await;
    let somebody = json!({"email": "eva@msp.example", "full_name": "Eva", "role": "auditor"});
    server.admin.post("/users", &somebody).await.expect::<Value>(201);
    let problem = server.admin.post("/users", &somebody).await.problem(409);
    assert_eq!((problem.code, problem.field.as_deref()), (ProblemCode::Conflict, Some("email")));
}

#[tokio::test]
async fn health_is_public() {
    let server = TestServer::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(send(server.stranger().request(Method::GET, path)).await.status, 200, "{path}");
    }
}
