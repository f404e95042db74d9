//! Keys over HTTP: where they open something, and where they do not.

use crate::support::{
    agent::FakeAgent,
    people::{Answer, Person, send},
    server::{Estate, TestServer, each_engine, field},
};
use entity::{id::UserId, user::Role};
use reqwest::Method;
use serde_json::{Value, json};
use server::router::{Audience, endpoints};

/// Sends with a key, and with a cookie too when `person` has one.
async fn with_key(person: &Person, method: &str, path: &str, key: &str, body: &Value) -> Answer {
    let method: Method = method.parse().expect("a method");
    let request = person.request(method.clone(), path).bearer_auth(key);
    send(if method == Method::GET { request } else { request.json(body) }).await
}

async fn issue(server: &TestServer, permissions: &[&str]) -> String {
    let asked = json!({"key_name": "script", "permissions": permissions});
    let issued: Value = server.admin.post("/api-keys", &asked).await.expect(201);
    field(&issued, "secret")
}

#[tokio::test]
async fn programs_use_the_api_with_a_key_and_nothing_else() {
    each_engine(async |server: TestServer| {
        let key = issue(&server, &["register_device", "view_user", "view_audit"]).await;
        let nobody = server.stranger();
        for path in ["/me", "/agents", "/businesses", "/service-locations", "/users", "/api-keys"] {
            for base in ["/api/v1", "/api"] {
                let answer = with_key(&nobody, "GET", &format!("{base}{path}"), &key, &Value::Null).await;
                assert_eq!(answer.status, 200, "{path}: {}", answer.body);
                assert!(!answer.body.contains(&key));
            }
        }
        let token = json!({"business_id": server.ours.business});
        let path = "/api/v1/agents/registration-tokens";
        assert_eq!(with_key(&nobody, "POST", path, &key, &token).await.status, 201);
        let named = json!({"business_name": "No"});
        assert_eq!(
            with_key(&nobody, "POST", "/api/v1/businesses", &key, &named).await.status,
            403,
            "no scope"
        );
        let more = json!({"key_name": "another"});
        assert_eq!(with_key(&nobody, "POST", "/api/v1/api-keys", &key, &more).await.status, 403);
        // The portal is for people.
        for path in ["/portal/account/me", "/portal/business/list", "/portal/api_key/own"] {
            assert_eq!(with_key(&nobody, "POST", path, &key, &json!({})).await.status, 401, "{path}");
        }
        assert_eq!(with_key(&nobody, "GET", "/portal/events", &key, &Value::Null).await.status, 401);
        let page = with_key(&nobody, "GET", "/devices", &key, &Value::Null).await;
        assert_ne!(page.status, 200, "a page");
    })
    .await;
}

#[tokio::test]
async fn a_request_with_a_key_is_never_the_cookies_person() {
    each_engine(async |server: TestServer| {
        let key = issue(&server, &[]).await;
        let me: Value = with_key(&server.admin, "GET", "/api/v1/me", &key, &Value::Null).await.expect(200);
        assert_eq!(me["permissions"], json!([]), "the key's own");
        for wrong in ["reeve_key_wrong", "nonsense", ""] {
            let answer = with_key(&server.admin, "GET", "/api/v1/me", wrong, &Value::Null).await;
            assert_eq!(answer.status, 401, "{wrong}");
        }
        for scheme in ["Basic YWRhOmFkYQ==", "Bearer", "bearer  ", "Token x"] {
            let request = server.admin.request(Method::GET, "/api/v1/me").header("authorization", scheme);
            assert_eq!(send(request).await.status, 401, "{scheme}");
        }
        for path in ["/portal/account/me", "/portal/account/sessions"] {
            assert_eq!(with_key(&server.admin, "POST", path, &key, &json!({})).await.status, 401, "{path}");
        }
        assert_eq!(with_key(&server.admin, "GET", "/portal/events", &key, &Value::Null).await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn agents_routes_take_no_key_and_key_routes_no_agent() {
    each_engine(async |server: TestServer| {
        let key = issue(&server, &["manage_device"]).await;
        let agent = FakeAgent::of(&server, server.ours).await;
        let nobody = server.stranger();
        let body = json!({});
        let closed = endpoints().into_iter().filter(|endpoint| endpoint.audience != Audience::Public);
        // Files of releases are for programs of the MSP, too: below.
        for endpoint in closed.filter(|endpoint| !endpoint.path.starts_with("/artifacts/")) {
            let path = format!("/api/v1{}", endpoint.path.replace("{id}", &agent.id.to_string()));
            let credential = match endpoint.audience {
                Audience::People => &agent.token,
                _ => &key,
            };
            let answer = with_key(&nobody, endpoint.method, &path, credential, &body).await;
            assert_eq!(answer.status, 401, "{} {path}", endpoint.method);
        }
        let file = format!("/api/v1/artifacts/sha256/{}", "0".repeat(64));
        for (credential, status) in [(&key, 404), (&agent.token, 404), (&"reeve_key_wrong".to_owned(), 401)] {
            let answer = with_key(&nobody, "GET", &file, credential, &Value::Null).await;
            assert_eq!(answer.status, status, "{}", answer.body);
        }
        let socket = nobody.request(Method::GET, "/ws").bearer_auth(&key);
        assert_eq!(send(socket).await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn a_customers_owner_manages_the_programs_of_their_business() {
    each_engine(async |server: TestServer| {
        let Estate { business, .. } = server.ours;
        let owner = server.person(Role::BusinessOwner, server.ours).await;
        let asked = json!({"full_name": "Tickets", "role": "contact", "business_id": business});
        let made: Value = owner.post("/service-accounts", &asked).await.expect(201);
        let id: UserId = field(&made, "id");
        let issued: Value = owner
            .post("/api-keys", &json!({"key_name": "tickets", "service_account_id": id}))
            .await
            .expect(201);
        let secret: String = field(&issued, "secret");
        let seen = with_key(&server.stranger(), "GET", "/api/v1/businesses", &secret, &Value::Null).await;
        let seen: Value = seen.expect(200);
        assert_eq!(seen["items"].as_array().map(Vec::len), Some(1));
        let keys: Value = owner.get(&format!("/api-keys?user_id={id}")).await.expect(200);
        assert_eq!(keys["items"][0]["key_name"], "tickets");
        assert!(keys["items"][0].get("secret").is_none() && keys["items"][0].get("secret_hash").is_none());
        let neighbour = server.person(Role::BusinessOwner, server.theirs).await;
        let keys: Value = neighbour.get(&format!("/api-keys?user_id={id}")).await.expect(200);
        assert_eq!(keys["items"], json!([]));
        let off = json!({"is_active": false});
        let switched = owner.call("PATCH", &format!("/service-accounts/{id}"), Some(&off)).await;
        assert_eq!(switched.status, 200);
        let seen = with_key(&server.stranger(), "GET", "/api/v1/me", &secret, &Value::Null).await;
        assert_eq!(seen.status, 401);
    })
    .await;
}
