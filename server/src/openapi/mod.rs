//! The API document, OpenAPI 3.1: made from the list of routes and the signatures of their handlers, so that it says
//! what the server does and nothing else. [`page`] shows the same document to people.

mod html;
mod operation;
pub(crate) mod page;
mod sample;
mod schemas;

pub(crate) use operation::{Answer, Described, Part, Sketch};

use crate::{
    api::ProblemBody,
    router::{Audience, Endpoint, endpoints},
    state::AppState,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use entity::problem::ProblemCode;
use schemas::Schemas;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::LazyLock};

/// What a handler's module is called in the document, and what stands there.
const TAGS: [(&str, &str, &str); 27] = [
    ("me", "Oneself", "Who calls, and what they may do."),
    ("device", "Devices", "The machines that are looked after, and what they reported."),
    ("log_entry", "Logs", "What devices wrote about things going wrong, and where agents look for it."),
    ("alert", "Alerts", "What needs a person, and the rules that say so."),
    (
        "error_report",
        "Error reports",
        "What agents say went wrong inside them, per device and over all of them.",
    ),
    ("monitored_service", "Monitored services", "Which system services are looked after, and how they are."),
    ("registration", "Registration", "The single-use tokens that turn a machine into a device."),
    ("command", "Commands", "What devices are asked to do, who decides it, and what came of it."),
    (
        "evidence",
        "Evidence",
        "What a command proves to somebody who trusts nobody here, and devices' own records.",
    ),
    ("suggestion", "Suggestions", "Commands that alerts propose, until a person takes or dismisses them."),
    ("approval", "Approvals", "What people say about requests before they go to devices."),
    ("approval_policy", "Approval policies", "Who has to approve what, at each business and by default."),
    ("emergency_stop", "Emergency stop", "One person stops strong commands; several let them go on."),
    (
        "script",
        "Scripts",
        "The library: shared scripts and those of one business, each version as it was written.",
    ),
    (
        "release",
        "Releases",
        "Signed releases of the agent, their files, and the roots by which they are believed.",
    ),
    (
        "rollout",
        "Rollouts",
        "Releases reach devices wave by wave, and stop by themselves when it goes wrong.",
    ),
    ("business", "Businesses", "The customers of the MSP."),
    ("service_location", "Service locations", "The places of a business."),
    ("user", "People", "Those who sign in to the portal."),
    ("custom_role", "Roles", "Roles that the MSP makes from named permissions."),
    ("api_key", "API keys", "The credentials of programs."),
    ("service_account", "Service accounts", "Programs that act beside people."),
    ("oidc", "Sign-in", "Providers of OpenID Connect, and who has to have a second factor."),
    ("audit", "Audit log", "Who did what, when and from where; every entry chained to the one before."),
    ("token", "Agent identity", "How an agent proves which device it is."),
    (
        "update",
        "Agent updates",
        "What agents ask about releases: whether one is due, and whether it still holds.",
    ),
    (
        "polling",
        "Agent link",
        "What agents report where sockets are blocked; the same messages as over `/ws`.",
    ),
];

const ABOUT: &str = "Everything that the portal shows and does, for scripts and integrations.\n\n\
    Send an API key as `Authorization: Bearer reeve_key_…`; keys are made in the portal under **Account, API keys** \
    or for a service account. A call marked *session only* asks for a person who has just proved who they are: no key \
    can make it, and a session gets the problem `confirm_identity` until its person has.\n\n\
    Lists come a page at a time where a call takes `cursor`: ask again with `next_cursor` of the answer until it is \
    null. A cursor belongs to the question it came from.\n\n\
    Everything that goes wrong is answered as `application/problem+json` (RFC 9457) with a stable `code`, a sentence \
    in `detail`, and the `field` that is at fault. What is not yours is not found. Answers 429 and 503 say in \
    `Retry-After` how many seconds to wait. Every answer carries `x-request-id`, which the server's log and the audit \
    log have too. Times are RFC 3339 in UTC. New fields may come into answers at any time; fields that a call does not \
    know are refused, except from agents.";

/// The document; made once for servers that browsers reach over TLS, and once for others.
pub(crate) fn document(public_url: &str) -> &'static Value {
    static BARE: LazyLock<Value> = LazyLock::new(|| write(&endpoints(), "http://localhost"));
    static OVER_TLS: LazyLock<Value> = LazyLock::new(|| write(&endpoints(), "https://localhost"));
    if public_url.starts_with("https://") { &OVER_TLS } else { &BARE }
}

/// `GET /api/openapi.json`
pub(crate) async fn json(State(state): State<AppState>) -> Response {
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        // It holds no secret: tools on other sites may read it.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        ),
    ];
    (headers, Json(document(&state.config.public_url))).into_response()
}

fn write(endpoints: &[Endpoint], public_url: &str) -> Value {
    let mut schemas = Schemas::new();
    let problem = schemas.answered::<ProblemBody<'_>>();
    let mut paths = Map::new();
    let mut names = BTreeMap::new();
    for endpoint in endpoints {
        let operation = operation(endpoint, &mut schemas, &mut names);
        let path = paths.entry(format!("/api/v1{}", endpoint.path)).or_insert_with(|| json!({}));
        path[endpoint.method.to_lowercase()] = operation;
    }
    let mut paths = Value::Object(paths);
    let schemas = schemas.finish(&mut paths);
    let mut document = json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Reeve",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This server" }],
        "tags": TAGS.map(|(_, name, description)| json!({ "name": name, "description": description })),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": problems(&problem),
            "headers": headers(),
            "securitySchemes": security_schemes(public_url),
        },
    });
    sample::fill(&mut document);
    document
}

fn operation(endpoint: &Endpoint, schemas: &mut Schemas, names: &mut BTreeMap<String, u32>) -> Value {
    let mut sketch = Sketch::new(schemas);
    (endpoint.describe)(&mut sketch);
    let Sketch { parameters, body, answers, mut problems, is_for_people_alone, is_for_people_too, .. } =
        sketch;
    problems.extend(endpoint.may);
    let mut responses: Map<String, Value> =
        answers.into_iter().map(|(status, answer)| (status.to_string(), answer)).collect();
    for status in problems.into_iter().map(ProblemCode::status) {
        responses
            .insert(status.to_string(), json!({ "$ref": format!("#/components/responses/Problem{status}") }));
    }
    let (module, verb) = handler(endpoint);
    let count = names.entry(format!("{module}_{verb}")).or_default();
    *count += 1;
    let name = if *count == 1 { format!("{module}_{verb}") } else { format!("{module}_{verb}_{count}") };
    let (security, audience) = match endpoint.audience {
        Audience::People if is_for_people_alone => (json!([{ "session": [] }]), "Session only"),
        Audience::People => (json!([{ "api_key": [] }, { "session": [] }]), "API key or session"),
        Audience::Agents if is_for_people_too => (
            json!([{ "agent_token": [] }, { "api_key": [] }, { "session": [] }]),
            "Agents, API key or session",
        ),
        Audience::Agents => (json!([{ "agent_token": [] }]), "Agents"),
        Audience::Public => (json!([]), "Anybody: what is sent is the proof"),
    };
    let tag = TAGS.iter().find(|(word, ..)| *word == module).map_or(module, |(_, name, _)| name);
    let mut operation = json!({
        "operationId": name,
        "tags": [tag],
        "summary": endpoint.summary,
        "description": format!("For: {audience}."),
        "security": security,
        "responses": responses,
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = body {
        operation["requestBody"] = body;
    }
    operation
}

/// The module and the name of the function that answers, such as `device` and `list`.
fn handler(endpoint: &Endpoint) -> (&'static str, &'static str) {
    let mut words = endpoint.handler.rsplit("::");
    let verb = words.next().unwrap_or_default();
    (words.next().unwrap_or_default(), verb)
}

/// One answer for each status that a problem can have.
fn problems(schema: &Value) -> Map<String, Value> {
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for code in ProblemCode::ALL {
        by_status.entry(code.status()).or_default().push(code.word());
    }
    by_status
        .into_iter()
        .map(|(status, codes)| {
            let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
            let mut headers = json!({ "x-request-id": { "$ref": "#/components/headers/RequestId" } });
            if matches!(status, 429 | 503) {
                headers["Retry-After"] = json!({ "$ref": "#/components/headers/RetryAfter" });
            }
            let description = format!("{}: `{}`.", reason.unwrap_or("Problem"), codes.join("` or `"));
            let content = json!({ "application/problem+json": { "schema": schema } });
            let answer = json!({ "description": description, "headers": headers, "content": content });
            (format!("Problem{status}"), answer)
        })
        .collect()
}

fn headers() -> Value {
    json!({
        "RequestId": {
            "description": "Names the request; the server's log and the audit log have the same.",
            "schema": { "type": "string" },
        },
        "RetryAfter": {
            "description": "Seconds to wait before trying again.",
            "schema": { "type": "integer", "minimum": 0 },
        },
    })
}

fn security_schemes(public_url: &str) -> Value {
    json!({
        "api_key": {
            "type": "http", "scheme": "bearer",
            "description": "An API key, `reeve_key_…`, made in the portal or for a service account.",
        },
        "session": {
            "type": "apiKey", "in": "cookie", "name": app::context::session_cookie_name(public_url),
            "description": "The session of somebody who signed in to the portal.",
        },
        "agent_token": {
            "type": "http", "scheme": "bearer",
            "description": "The short-lived token of an agent, from `POST /api/v1/agents/{id}/token`.",
        },
    })
}
