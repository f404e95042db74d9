//! The log: an event a line, each request with its name, and never a secret.

use crate::{
    setting::sign_in,
    support::{
        people::{Person, send},
        process::{Place, said},
        world::PASSWORD,
    },
};
use reqwest::Method;
use serde_json::{Value, json};

/// The lines that tell how a request was answered.
fn answered(log: &str) -> Vec<Value> {
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    lines.filter(|line| line["message"] == "answered").collect()
}

#[tokio::test]
async fn a_whole_session_is_told_of_and_no_secret_is() {
    let mut place = Place::new();
    place.set("REEVE_SMTP_PASSWORD", "the mail's own secret");
    let link = said(&place.run(&["setup", "--print-link"]).await);
    let server = place.serve(&["--log-format", "json", "--log-level", "debug,hyper=trace"]).await;
    let key =
        server.welcome.split("key=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a key");
    let key = key.to_owned();
    let stranger = Person::stranger(&server.url);
    assert_eq!(send(stranger.request(Method::GET, &format!("/setup?key={key}"))).await.status, 200);
    let form = [
        ("input[key]", key.as_str()),
        ("input[full_name]", "Ada Admin"),
        ("input[email]", "ada@msp.example"),
        ("input[password]", PASSWORD),
    ];
    let made = send(stranger.request(Method::POST, "/portal/setup/complete").form(&form)).await;
    assert!(made.status.is_redirection() || made.status.is_success(), "{made:?}");
    said(&place.run(&["factor-policy", "nobody"]).await);
    let guess = [("input[email]", "ada@msp.example"), ("input[password]", "a guess at a password")];
    send(stranger.request(Method::POST, "/portal/sign-in").form(&guess)).await;
    let cookie = sign_in(&server.url).await.expect("a session");
    let admin = |method: &str, path: &str| {
        let method = method.parse().expect("a method");
        stranger.request(method, path).header("cookie", &cookie)
    };
    let me = send(admin("GET", "/api/v1/me")).await;
    assert_eq!(me.status, 200, "{}", me.body);
    let issued: Value =
        send(admin("POST", "/api/v1/api-keys").json(&json!({"key_name": "script"}))).await.expect(201);
    let api_key = issued["secret"].as_str().expect("a secret").to_owned();
    send(stranger.request(Method::GET, "/api/v1/agents").bearer_auth(&api_key)).await;
    let business: Value =
        send(admin("POST", "/api/v1/businesses").json(&json!({"business_name": "Acme"}))).await.expect(201);
    let asked = json!({"business_id": business["id"]});
    let token: Value =
        send(admin("POST", "/api/v1/agents/registration-tokens").json(&asked)).await.expect(201);
    let token = token["token"].as_str().expect("a token").to_owned();
    send(stranger.request(Method::POST, "/api/v1/agents/register").json(&json!({"token": token}))).await;
    send(stranger.request(Method::GET, "/nowhere")).await;
    let log = server.stop().await;

    let lines = answered(&log);
    let of = |path: &str| lines.iter().find(|line| line["spans"][0]["path"] == path).expect(path);
    let me_line = of("/api/v1/me");
    assert_eq!(me_line["spans"][0]["request_id"], me.header("x-request-id"));
    assert_eq!((&me_line["status"], &me_line["level"]), (&json!(200), &json!("INFO")));
    assert_eq!(
        (&me_line["spans"][0]["client"], &me_line["spans"][0]["method"]),
        (&json!("127.0.0.1"), &json!("GET"))
    );
    assert!(me_line["duration_ms"].is_u64() && me_line["timestamp"].is_string(), "{me_line}");
    assert_eq!(of("/nowhere")["status"], 404);
    let secret_of = |cookie: &str| cookie.split_once('=').expect("a cookie").1.to_owned();
    let old_key = link.split("key=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a key");
    for (name, secret) in [
        ("the password", PASSWORD.to_owned()),
        ("a guess", "a guess at a password".to_owned()),
        ("the setup key", key.clone()),
        ("the setup key before", old_key.to_owned()),
        ("the session", secret_of(&cookie)),
        ("the API key", api_key),
        ("the registration token", token),
        ("the mail password", "the mail's own secret".to_owned()),
    ] {
        assert!(!secret.is_empty() && !log.contains(&secret), "{name} is in the log");
    }
}

#[tokio::test]
async fn a_start_that_fails_is_told_of_in_the_same_form() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = taken.local_addr().expect("an address").to_string();
    let failed = place.run(&["serve", "--listen", &listen, "--log-format", "json"]).await;
    assert_eq!(failed.status.code(), Some(1));
    let log = String::from_utf8_lossy(&failed.stderr).into_owned();
    let last: Value = serde_json::from_str(log.lines().last().expect("a line")).expect("JSON");
    assert!(last["error"].as_str().is_some_and(|error| error.contains("cannot listen on")), "{log}");
}
