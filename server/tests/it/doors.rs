//! The doors: every credential on every other credential's routes, what can be reached without any, and what callers
//! claim about themselves.

use crate::{
    access::exempt,
    support::{
        agent::{FakeAgent, Socket},
        people::{Answer, Person, send},
        server::TestServer,
        world::PASSWORD,
    },
};
use entity::user::Role;
use reqwest::{Method, header};
use serde_json::json;
use server::router::{Audience, endpoints};
use std::fmt::Write as _;

/// Secrets of every kind, each good for what it is for.
async fn secrets(server: &TestServer, agent: &FakeAgent) -> Vec<(&'static str, String)> {
    let token = server.token(server.ours).await.token;
    let challenge = agent.post_as(None, "challenge", &json!({})).await;
    let challenge: entity::agent_token::Challenge = challenge.expect(200);
    let admin = server.world.admin_now().await;
    let input = entity::user::UserInput {
        role: Role::Contact,
        business_id: Some(server.ours.business),
        ..crate::support::world::user_input()
    };
    let invited = domain::user::add(&admin.confirmed().expect("just now"), input).await.expect("invited");
    let link = invited.link.url.expect("shown").split('#').nth(1).expect("a key").to_owned();
    vec![
        ("session", server.world.admin_secret.expose().to_owned()),
        ("agent token", agent.token.clone()),
        ("registration token", token),
        ("challenge", challenge.challenge),
        ("invitation", link),
        ("password", PASSWORD.to_owned()),
        ("empty", String::new()),
    ]
}

#[tokio::test]
async fn no_credential_opens_a_door_of_another_kind() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let all = secrets(&server, &agent).await;
    let stranger = server.stranger();
    let as_bearer = async |path: &str, method: &str, secret: &str| {
        let method: Method = method.parse().expect("a method");
        let request = stranger.request(method, path).header("authorization", format!("Bearer {secret}"));
        send(request.json(&json!({}))).await.status.as_u16()
    };
    let as_cookie = async |path: &str, method: &str, secret: &str| {
        let method: Method = method.parse().expect("a method");
        let names = ["reeve", "__Host-reeve", "reeve-sign-in", "reeve-passkey", "reeve-oidc"];
        let cookies: Vec<_> = names.iter().map(|name| format!("{name}={secret}")).collect();
        let request = stranger.request(method, path).header(header::COOKIE, cookies.join("; "));
        send(request.json(&json!({}))).await.status.as_u16()
    };
    let mut wrong = Vec::new();
    // Files of releases are for devices and for people of the MSP: `release/serve.rs` looks at them.
    let of_one_kind = endpoints().into_iter().filter(|endpoint| !endpoint.path.starts_with("/artifacts/"));
    for endpoint in of_one_kind {
        let path = format!("/api/v1{}", endpoint.path.replace("{id}", &agent.id.to_string()));
        for (kind, secret) in &all {
            let (bearer, cookie) = match endpoint.audience {
                Audience::People => (true, *kind != "session"),
                Audience::Agents => (*kind != "agent token", true),
                Audience::Public => continue,
            };
            for (way, asked, status) in [
                ("bearer", bearer, as_bearer(&path, endpoint.method, secret).await),
                ("cookie", cookie, as_cookie(&path, endpoint.method, secret).await),
            ] {
                if asked && status != 401 {
                    wrong.push(format!("{kind} as {way}: {} {path} -> {status}", endpoint.method));
                }
            }
        }
    }
    for (kind, secret) in &all {
        if *kind != "agent token" {
            assert!(Socket::open(&server.url, Some(secret)).await.is_err(), "{kind} opened a socket");
        }
        if *kind != "session" {
            assert_eq!(as_cookie("/portal/events", "GET", secret).await, 401, "{kind}");
            assert_eq!(as_cookie("/portal/account/me", "POST", secret).await, 401, "{kind}");
        }
        assert_eq!(as_bearer("/portal/events", "GET", secret).await, 401, "{kind} as bearer");
        assert_eq!(as_bearer("/portal/account/me", "POST", secret).await, 401, "{kind} as bearer");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_setup_is_nowhere_once_there_is_an_admin() {
    let server = TestServer::start().await;
    let stranger = server.stranger();
    let key = "input[key]=x&input[full_name]=Eve&input[email]=eve@evil.example&input[password]=correct-horse-battery";
    for path in [
        "/setup",
        "/setup/",
        "/setup/anything",
        "/Setup",
        "/SETUP",
        "//setup",
        "/./setup",
        "/x/../setup",
        "/setup%2f",
        "/%73etup",
        "/setup;x=1",
        "/setup?key=",
        "/portal/setup/complete",
        "/portal/setup/complete/",
        "/portal/setup/complete/anything",
        "/portal//setup/complete",
        "/portal/setup%2fcomplete",
        "/PORTAL/SETUP/COMPLETE",
        "/api/v1/setup",
        "/api/setup",
        "/setup/complete",
        "/SetupWizard.aspx/anything",
    ] {
        let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        let mut request = stranger.request(Method::POST, path);
        for (name, value) in form {
            request = request.header(name, value);
        }
        let answer = send(request.body(key)).await;
        assert!(
            answer
                .headers
                .get(header::SET_COOKIE)
                .is_none_or(|cookie| !cookie.to_str().unwrap_or("").starts_with("reeve=")),
            "{path}"
        );
        assert!(!answer.status.is_success() || !answer.body.contains("eve@"), "{path}: {}", answer.status);
        let page = send(stranger.request(Method::GET, path).header("accept", "text/html")).await;
        assert!(!page.body.contains("input[key]"), "{path} shows the setup");
    }
    let people: serde_json::Value = server.admin.get("/users").await.expect(200);
    assert!(!people.to_string().contains("eve@"), "nobody was made");
}

/// Whatever can be asked without any credential, to be read by people: a new line needs a reason.
#[tokio::test]
async fn the_surface_before_authentication_is_known() {
    let mut surface = String::new();
    for line in exempt() {
        writeln!(surface, "{line}").expect("a string takes all");
    }
    for path in [
        "GET /ws (answers 401)",
        "GET /healthz",
        "GET /readyz",
        "GET /install.sh",
        "GET /install.ps1",
        "GET /downloads/{file}",
        "GET /pkg, /fonts and the files at the root of the site",
        "GET pages, which lead to /sign-in",
    ] {
        writeln!(surface, "{path}").expect("a string takes all");
    }
    insta::assert_snapshot!(surface);
}

/// Bytes without sense on every public call: refused, never a failure of ours.
#[tokio::test]
async fn junk_before_authentication_is_refused_calmly() {
    let server = TestServer::start().await;
    let stranger = server.stranger();
    let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("application/json", b"".to_vec()),
        ("application/json", b"{".to_vec()),
        ("application/json", b"null".to_vec()),
        ("application/json", b"[[[]]]".to_vec()),
        ("application/json", deep.into_bytes()),
        ("application/json", vec![0xff; 512]),
        ("application/json", br#"{"token":{"$gt":""},"email":["a"],"key":1e999}"#.to_vec()),
        ("application/json", br#"{"token":"\u0000","hostname":"\ud800"}"#.to_vec()),
        ("application/x-www-form-urlencoded", b"input[email]=a&input[email]=b&input[password][x]=1".to_vec()),
        ("application/x-www-form-urlencoded", b"%ff%fe&=&&input[=&input]=".to_vec()),
        ("application/x-www-form-urlencoded", "input".repeat(9_000).into_bytes()),
        ("multipart/form-data", b"--x\r\n\r\n".to_vec()),
        ("text/plain", b"{{7*7}}${7*7}<%= 7*7 %>".to_vec()),
        ("", b"x".to_vec()),
    ];
    let mut asked = 0;
    for call in exempt() {
        let (method, path) = call.split_once(' ').expect("a method and a path");
        let path = path.replace("{id}", "../../etc/passwd");
        let path = if path.starts_with("/portal") { path } else { format!("/api/v1{path}") };
        for (content_type, body) in &bodies {
            let request = stranger.request(method.parse().expect("a method"), &path);
            let answer = send(request.header("content-type", *content_type).body(body.clone())).await;
            assert!(answer.status.as_u16() != 500, "{call} {content_type}: {}", answer.body);
            assert!(!answer.body.contains("49") || !body.starts_with(b"{{7"), "{call} computed something");
            asked += 1;
        }
    }
    assert!(asked > 80, "{asked}");
    assert_eq!(server.admin.get("/me").await.status, 200, "and it is well");
}

#[tokio::test]
async fn what_callers_claim_about_themselves_counts_for_nothing() {
    let server = TestServer::start().await;
    let contact = server.person(Role::Contact, server.ours).await;
    let theirs = FakeAgent::of(&server, server.theirs).await;
    let ours = FakeAgent::of(&server, server.ours).await;
    let (business, admin) = (server.theirs.business.to_string(), server.world.admin.me().id.to_string());
    let plain = contact.get("/agents").await;
    for name in [
        "x-tenant-id",
        "x-business-id",
        "business-id",
        "x-org-id",
        "x-user-id",
        "x-role",
        "x-original-url",
        "x-rewrite-url",
        "x-forwarded-user",
        "x-remote-user",
        "x-http-method-override",
        "x-forwarded-host",
        "x-forwarded-for",
        "x-real-ip",
        "forwarded",
        "x-request-id",
    ] {
        for value in [business.as_str(), admin.as_str(), "/api/v1/users", "DELETE", "127.0.0.1", "msp_admin"]
        {
            let asked = contact.request(Method::GET, "/api/v1/agents").header(name, value);
            let answer = send(asked).await;
            assert_eq!((answer.status, &answer.body), (plain.status, &plain.body), "{name}: {value}");
            let asked =
                contact.request(Method::GET, &format!("/api/v1/agents/{}", theirs.id)).header(name, value);
            assert_eq!(send(asked).await.status, 404, "{name}: {value}");
        }
    }
    // In the query it narrows what is within reach, and never widens it; in a body it is refused or ignored.
    let asked = format!("/agents?business_id={business}");
    let found: entity::page::Page<serde_json::Value> = contact.get(&asked).await.expect(200);
    assert!(found.items.is_empty());
    let refused =
        contact.get(&format!("/agents?business_id={}&business_id={business}", server.ours.business)).await;
    assert!(!refused.body.contains(&theirs.id.to_string()));
    let technician = server.person(Role::Technician, server.ours).await;
    let body = json!({"device_name": "x", "business_id": business});
    let changed = technician.call("PATCH", &format!("/agents/{}", ours.id), Some(&body)).await;
    assert_eq!(changed.problem(422).field.as_deref(), Some("business_id"));
    // An agent's report about another device, or in another business's name, is its own all the same.
    let report = json!({"link": "polling", "device_id": theirs.id, "business_id": business});
    assert!(ours.post("heartbeat", &report).await.status.is_success());
    assert_eq!(ours.post_as(Some(&theirs.token), "heartbeat", &report).await.status, 404);
}

/// Two cookies, two credentials, two lengths: one meaning each, and never the better of two.
#[tokio::test]
async fn ambiguous_requests_are_nobodys_advantage() {
    let server = TestServer::start().await;
    let contact = server.world.session(Role::Contact, Some(server.ours.business), &[]).await;
    let stranger = server.stranger();
    let me = async |cookie: String| -> Answer {
        send(stranger.request(Method::GET, "/api/v1/me").header(header::COOKIE, cookie)).await
    };
    let (admin, contact) = (server.world.admin_secret.expose().to_owned(), contact.expose().to_owned());
    let first = me(format!("reeve={contact}; reeve={admin}")).await;
    assert!(!first.body.contains("msp_admin"), "the first cookie counts");
    for name in ["Reeve", "REEVE", " __Secure-reeve", "reeve[]", "$reeve", "__Host-reeve"] {
        assert_eq!(me(format!("{name}={admin}")).await.status, 401, "{name}");
    }
    for value in [
        format!("\"{admin}\""),
        format!("{admin}x"),
        admin[..admin.len() - 1].to_owned(),
        admin.to_uppercase(),
    ] {
        assert_eq!(me(format!("reeve={value}")).await.status, 401);
    }
    for scheme in ["Basic", "Digest", "reeve", ""] {
        let both =
            Person::with_session(&server.url, &server.world.admin_secret).request(Method::GET, "/api/v1/me");
        let answer = send(both.header("authorization", format!("{scheme} {contact}"))).await;
        assert_eq!(answer.status, 401, "a request with `{scheme}` is not the cookie's");
    }
}

#[tokio::test]
async fn a_page_of_another_site_opens_no_socket() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let handshake = async |headers: &[(&str, &str)]| {
        let mut request = server.stranger().request(Method::GET, "/ws");
        for (name, value) in [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        .iter()
        .chain(headers)
        {
            request = request.header(*name, *value);
        }
        send(request).await.status.as_u16()
    };
    let bearer = format!("Bearer {}", agent.token);
    let cookie = format!("reeve={}", server.world.admin_secret.expose());
    assert_eq!(handshake(&[("cookie", &cookie)]).await, 401, "a person's cookie is no device's");
    for origin in ["https://evil.example", &server.url] {
        assert_eq!(handshake(&[("cookie", &cookie), ("origin", origin)]).await, 403, "{origin}");
    }
    for origin in ["https://evil.example", "null", &server.url] {
        assert_eq!(handshake(&[("authorization", &bearer), ("origin", origin)]).await, 403, "{origin}");
    }
    let in_url = server.stranger().request(Method::GET, &format!("/ws?token={}", agent.token));
    assert_eq!(send(in_url).await.status, 401, "a token in the address is no credential");
}

/// A day of stuffing from one address, and one guesser with many addresses: few guesses count, and the owner gets in.
#[tokio::test]
async fn ten_thousand_guesses_open_nothing_and_lock_nobody_out() {
    let server = TestServer::start().await;
    let store = server.store();
    let visitor = |ip: String| domain::Visitor { source_ip: ip, user_agent: String::new(), request_id: None };
    let guess = async |ip: String, email: String| {
        let input = entity::session::SignInInput { email, password: "not the password".to_owned() };
        let refused = domain::access::sign_in(store, &visitor(ip), input).await.err().expect("refused");
        entity::problem::Problem::from(refused)
    };
    let mut checked = 0;
    for round in 0..9_900 {
        // One address, stuffing accounts; every third guess is for the admin.
        let email = if round % 3 == 0 { "ada@msp.example".to_owned() } else { format!("u{round}@x.example") };
        let problem = guess("198.51.100.1".to_owned(), email).await;
        checked += u32::from(problem.retry_after_seconds.is_none());
    }
    assert!(checked <= 60, "{checked} guesses were checked");
    for address in 0..50 {
        guess(format!("203.0.113.{address}"), "ada@msp.example".to_owned()).await;
    }
    assert!(server.world.sign_in("ada@msp.example", PASSWORD).await.is_ok(), "the owner is not locked out");
}
