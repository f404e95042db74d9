//! The API document says what the server does: every route is in it and nothing else, it is OpenAPI 3.1, and what the
//! server really answers is what the document promises.

use crate::{
    access::calls::{self, Call, World},
    support::{
        agent::FakeAgent,
        people::{Answer, Person, send},
        server::{TestServer, field},
        world::noon,
    },
};
use entity::{
    command::{CommandProgress, ResultStatus},
    id::{ReleaseId, RolloutId},
    update::UpdateAnswer,
    user::Role,
    wire::CommandsAnswer,
};
use jsonschema::Validator;
use reqwest::{Method, header};
use serde_json::{Value, json};
use server::router::{Audience, endpoints};
use sim::Asked;
use std::collections::BTreeSet;

/// The schema of OpenAPI 3.1 documents, as its authors publish it.
const OPEN_API: &str = include_str!("openapi/schema-3.1.json");

async fn document(server: &TestServer) -> Value {
    let answer = send(server.stranger().request(Method::GET, "/api/openapi.json")).await;
    assert_eq!(answer.header("content-type"), "application/json");
    answer.expect(200)
}

/// Every operation, as method and path.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods");
        let short = path.strip_prefix("/api/v1").expect("below /api/v1");
        methods.iter().map(move |(method, call)| (format!("{} {short}", method.to_uppercase()), call))
    })
}

#[tokio::test]
async fn every_route_is_in_the_document_and_nothing_else() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let written: BTreeSet<_> = operations(&document).map(|(route, _)| route).collect();
    let there: BTreeSet<_> =
        endpoints().iter().map(|endpoint| format!("{} {}", endpoint.method, endpoint.path)).collect();
    assert_eq!(written, there);
    let tags: BTreeSet<_> = document["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .map(|tag| &tag["name"])
        .map(Value::to_string)
        .collect();
    let mut names = BTreeSet::new();
    for (route, call) in operations(&document) {
        assert!(tags.contains(&call["tags"][0].to_string()), "{route} has a tag that nothing is said of");
        assert!(names.insert(call["operationId"].to_string()), "{route} is called like another one");
        let has_id =
            call["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["in"] == "path"));
        assert_eq!(has_id, route.contains('{'), "{route}");
        let endpoint = endpoints().into_iter().find(|one| route == format!("{} {}", one.method, one.path));
        let is_public = endpoint.expect("a route").audience == Audience::Public;
        assert_eq!(call["security"] == json!([]), is_public, "{route}");
    }
}

#[tokio::test]
async fn the_document_is_open_api_and_its_references_lead_somewhere() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let schema: Value = serde_json::from_str(OPEN_API).expect("JSON");
    let wrong: Vec<_> = jsonschema::validator_for(&schema)
        .expect("a schema")
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
    let mut lost = BTreeSet::new();
    walk(&document, &mut |value| {
        if let Some(place) = value["$ref"].as_str()
            && document.pointer(place.trim_start_matches('#')).is_none()
        {
            lost.insert(place.to_owned());
        }
    });
    assert_eq!(lost, BTreeSet::new());
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        jsonschema::meta::validate(
            &json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema]}),
        )
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for (route, call) in operations(&document) {
        let body = &call["requestBody"]["content"]["application/json"];
        if !body.is_null() {
            let wrong = errors(&validator(&document, &body["schema"]), &body["example"]);
            assert!(wrong.is_empty(), "the example of {route}: {wrong:?}");
        }
    }
}

fn walk(value: &Value, look: &mut impl FnMut(&Value)) {
    look(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, look)),
        Value::Object(fields) => fields.values().for_each(|field| walk(field, look)),
        _ => {}
    }
}

/// Checks against a schema of the document, in which what is answered has no fields but those that are declared.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut components = document["components"].clone();
    for schema in components["schemas"].as_object_mut().expect("schemas").values_mut() {
        if schema["properties"].is_object() {
            schema["additionalProperties"] = false.into();
        }
    }
    let whole = json!({ "allOf": [schema], "components": components });
    jsonschema::options().should_validate_formats(true).build(&whole).expect("a schema")
}

fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// What an answer has that the document does not promise.
fn differences(document: &Value, route: &str, answer: &Answer) -> Vec<String> {
    let (_, call) = operations(document).find(|(name, _)| name == route).expect("a documented route");
    let status = answer.status.as_str();
    let mut promised = &call["responses"][status];
    if let Some(place) = promised["$ref"].as_str() {
        promised = document.pointer(place.trim_start_matches('#')).expect("a place");
    }
    if promised.is_null() {
        return vec![format!("{route}: {status} is not documented: {}", answer.body)];
    }
    let kind = answer.header(header::CONTENT_TYPE.as_str());
    let content = &promised["content"];
    if content.is_null() {
        return if answer.body.is_empty() { vec![] } else { vec![format!("{route}: {status} has a body")] };
    }
    let Some(content) = content.get(kind) else {
        return vec![format!("{route}: {status} as {kind} is not documented")];
    };
    let body = if kind.contains("json") && !kind.contains("ndjson") {
        serde_json::from_str(&answer.body).expect("JSON")
    } else {
        answer.body.clone().into()
    };
    let wrong = errors(&validator(document, &content["schema"]), &body);
    wrong.into_iter().map(|error| format!("{route} {status}: {error}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn real_answers_are_what_the_document_promises() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let world = World::of(&server).await;
    let mut wrong = Vec::new();
    let mut good = BTreeSet::new();
    let calls = calls::rest(&world);
    for person in
        [&server.stranger(), &server.person(entity::user::Role::Contact, server.theirs).await, &server.admin]
    {
        for call in &calls {
            try_call(&document, call, person, &mut wrong, &mut good).await;
        }
    }
    let agent = FakeAgent::of(&server, server.ours).await;
    for (path, body) in agent_calls() {
        let answer = agent.post(path, &body).await;
        let route = format!("POST /agents/{{id}}/{path}");
        if answer.status.is_success() {
            good.insert(route.clone());
        }
        wrong.extend(differences(&document, &route, &answer));
        let refused = agent.post(path, &json!({"nothing": "of this"})).await;
        wrong.extend(differences(&document, &route, &refused));
        wrong.extend(differences(&document, &route, &agent.post_as(None, path, &body).await));
    }
    try_command(&server, &document, &agent, &mut wrong, &mut good).await;
    try_update(&server, &document, &agent, world.released.id, &mut wrong, &mut good).await;
    let report = json!({"agent_id": agent.id, "agent_version": "1", "timestamp": noon(), "error_type": "other", "message": "M"});
    for (body, is_good) in [(report, true), (json!({}), false)] {
        let request = server.stranger().request(Method::POST, "/api/v1/agents/report_error");
        let answer = send(request.bearer_auth(&agent.token).json(&body)).await;
        let route = "POST /agents/report_error";
        wrong.extend(differences(&document, route, &answer));
        assert_eq!(answer.status.is_success(), is_good, "{}", answer.body);
        good.insert(route.to_owned());
    }
    assert_eq!(wrong, Vec::<String>::new());
    // Registration, tokens and keys have tests of their own; all else was answered well at least once.
    let all: BTreeSet<_> = operations(&document).map(|(route, _)| route).collect();
    let rest: Vec<_> = all.difference(&good).map(String::as_str).collect();
    assert_eq!(rest, ["POST /agents/register", "POST /agents/{id}/key", "POST /agents/{id}/token"]);
}

async fn try_call(
    document: &Value,
    call: &Call,
    person: &Person,
    wrong: &mut Vec<String>,
    good: &mut BTreeSet<String>,
) {
    let answer = call.send(person).await;
    if answer.status.is_success() {
        good.insert(call.route.to_owned());
    }
    wrong.extend(differences(document, call.route, &answer));
}

/// A command as an agent without a socket gets it and says what came of it.
async fn try_command(
    server: &TestServer,
    document: &Value,
    agent: &FakeAgent,
    wrong: &mut Vec<String>,
    good: &mut BTreeSet<String>,
) {
    let asked = json!({"payload": {"kind": "notify_ops", "message": "A note"}});
    let _: Value = server.admin.post(&format!("/agents/{}/commands", agent.id), &asked).await.expect(201);
    let path = format!("/api/v1/agents/{}/commands", agent.id);
    let polled = send(server.stranger().request(Method::GET, &path).bearer_auth(&agent.token)).await;
    let route = "GET /agents/{id}/commands";
    wrong.extend(differences(document, route, &polled));
    good.insert(route.to_owned());
    let refused = send(server.stranger().request(Method::GET, &path)).await;
    wrong.extend(differences(document, route, &refused));
    let waiting: CommandsAnswer = polled.expect(200);
    let order = Asked::read(&waiting.commands[0]).expect("an order");
    let id = order.order.command_id;
    let progress = CommandProgress { command_id: id, offset: 0, output: "half".to_owned() };
    let done = order.result(ResultStatus::Completed, "all");
    for (what, body) in
        [("receipt", json!(order.receipt(true))), ("progress", json!(progress)), ("result", json!(done))]
    {
        let route = format!("POST /agents/{{id}}/commands/{{command_id}}/{what}");
        let path = format!("commands/{id}/{what}");
        let answer = agent.post(&path, &body).await;
        assert_eq!(answer.status, 204, "{route}: {}", answer.body);
        wrong.extend(differences(document, &route, &answer));
        wrong.extend(differences(document, &route, &agent.post(&path, &json!({})).await));
        wrong.extend(differences(document, &route, &agent.post_as(None, &path, &body).await));
        wrong.extend(differences(document, &route, &agent.post(&format!("commands/x/{what}"), &body).await));
        good.insert(route);
    }
}

/// An update as a device asks for it and says how far it has come.
async fn try_update(
    server: &TestServer,
    document: &Value,
    agent: &FakeAgent,
    release: ReleaseId,
    wrong: &mut Vec<String>,
    good: &mut BTreeSet<String>,
) {
    let (id, nonce) = (agent.id, "000102030405060708090a0b0c0d0e0f");
    let running =
        json!({"version": "0.9.0", "seq": 0, "build_id": "b-0", "libc": "gnu", "is_supervised": true});
    let receipt = json!({"nonce": nonce, "running": running});
    let path = format!("/agents/{id}/receipt");
    try_as_device(document, agent, ("POST /agents/{id}/receipt", &path, &receipt), wrong, good).await;
    let path = format!("/agents/{id}/freshness?nonce={nonce}");
    try_as_device(document, agent, ("GET /agents/{id}/freshness", &path, &Value::Null), wrong, good).await;

    let wave = json!({"percent": 100, "soak_seconds": 0, "min_successes": 1, "success_percent": 95});
    let target = json!({"scope": "devices", "device_ids": [id]});
    let asked = json!({"name": "One", "release_id": release, "target": target, "waves": [wave]});
    // Somebody else: a rollout of the same release was halted.
    let other = server.person(Role::MspAdmin, server.ours).await;
    let made: Value = other.post("/rollouts", &asked).await.expect(201);
    let rollout: RolloutId = field(&made["rollout"], "id");
    for what in ["submit", "start"] {
        let _: Value = other.post(&format!("/rollouts/{rollout}/{what}"), &Value::Null).await.expect(200);
    }
    let path =
        format!("/agents/check_update?version=0.9.0&os=linux&arch=x86_64&libc=gnu&seq=0&nonce={nonce}");
    let call = ("GET /agents/check_update", path.as_str(), &Value::Null);
    let due: UpdateAnswer = try_as_device(document, agent, call, wrong, good).await.expect(200);
    let path = format!("/artifacts/sha256/{}", due.checksum);
    let call = ("GET /artifacts/sha256/{sha256}", path.as_str(), &Value::Null);
    try_as_device(document, agent, call, wrong, good).await;
    let path = format!("/agents/{id}/updates/{}", due.update_id);
    let status = json!({
        "update_id": due.update_id, "step": 1, "state": "accepted", "running": running, "seq": due.seq, "at": noon(),
    });
    let call = ("POST /agents/{id}/updates/{update_id}", path.as_str(), &status);
    try_as_device(document, agent, call, wrong, good).await;
    let path = format!("{path}/go");
    let call = ("GET /agents/{id}/updates/{update_id}/go", path.as_str(), &Value::Null);
    try_as_device(document, agent, call, wrong, good).await;
}

/// Makes one call as nobody and as the device: its route, its path and its body. Answers what the device was told.
async fn try_as_device(
    document: &Value,
    agent: &FakeAgent,
    (route, path, body): (&str, &str, &Value),
    wrong: &mut Vec<String>,
    good: &mut BTreeSet<String>,
) -> Answer {
    let method: Method = route.split(' ').next().and_then(|word| word.parse().ok()).expect("a method");
    let ask = |token: Option<&str>| {
        let request = Person::stranger(&agent.url).request(method.clone(), &format!("/api/v1{path}"));
        let request = if method == Method::GET { request } else { request.json(body) };
        send(if let Some(token) = token { request.bearer_auth(token) } else { request })
    };
    wrong.extend(differences(document, route, &ask(None).await));
    let answer = ask(Some(&agent.token)).await;
    assert!(answer.status.is_success(), "{route}: {} {}", answer.status, answer.body);
    wrong.extend(differences(document, route, &answer));
    good.insert(route.to_owned());
    answer
}

/// What an agent says over HTTP.
fn agent_calls() -> [(&'static str, Value); 11] {
    let digest = "0".repeat(64);
    [
        ("chain", json!({"entries": [], "head": {"seq": 0, "hash": digest}})),
        ("challenge", json!({})),
        ("heartbeat", json!({"link": "polling"})),
        ("metrics", json!({"position": 1, "samples": []})),
        ("logs", json!({"entries": []})),
        ("services", json!({"manager": "systemd", "digest": digest, "items": []})),
        ("software", json!({"digest": digest, "items": []})),
        ("facts", json!({"digest": digest, "facts": {}})),
        ("monitored-services", json!({"items": []})),
        ("device-lock", json!({"remaining_seconds": 60, "allow": ["reboot"]})),
        ("events", json!({"at": "2026-11-20T12:00:00Z", "event_type": "note", "summary": "A note"})),
    ]
}

#[tokio::test]
async fn people_read_the_same_document_without_a_script() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let page = send(server.stranger().request(Method::GET, "/api/docs")).await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'"));
    assert!(!page.body.contains("<script") && !page.body.contains("style="));
    for (route, call) in operations(&document) {
        let anchor = format!("id=\"{}\"", call["operationId"].as_str().expect("a name"));
        assert_eq!(page.body.matches(&anchor).count(), 1, "{route}");
    }
    for target in page.body.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(page.body.contains(&format!("id=\"{target}\"")), "nothing is at #{target}");
    }
    let dark = server.stranger().request(Method::GET, "/api/docs").header(header::COOKIE, "reeve-theme=dark");
    assert!(send(dark).await.body.contains("<html lang=\"en\" data-theme=\"dark\">"));
}
