//! Every call that changes something is written down under the name of its request, and nothing secret with it.

use super::calls::{self, Call, Kind, World};
use crate::support::server::{TestServer, each_engine};
use entity::{audit::AuditEntryView, page::Page};
use serde_json::Value;
use std::collections::BTreeSet;

/// Fields of answers whose text is for one pair of eyes.
const SECRET: [&str; 8] =
    ["token", "secret", "key", "url", "password", "one_time_password", "code", "commands"];
/// Shorter texts are words that may stand anywhere.
const SECRET_LENGTH: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn every_change_over_rest_is_written_down() {
    each_engine(async |server: TestServer| {
        let world = World::of(&server).await;
        changes_are_written(&server, calls::rest(&world)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_in_the_portal_is_written_down() {
    let server = TestServer::start().await;
    let world = World::of(&server).await;
    changes_are_written(&server, calls::portal(&world)).await;
}

async fn changes_are_written(server: &TestServer, calls: Vec<Call>) {
    let mut missing = Vec::new();
    let mut secrets = BTreeSet::new();
    for call in calls.iter().filter(|call| call.kind != Kind::Own) {
        let answer = call.send(&server.admin).await;
        let request = answer.header("x-request-id").to_owned();
        if let Ok(body) = serde_json::from_str::<Value>(&answer.body) {
            collect(&body, "", &mut secrets);
        }
        // Where there was nothing to change, nothing is written down.
        let is_done = answer.status != 409;
        if is_done && matches!(call.kind, Kind::Changes | Kind::Makes) {
            let page: Page<AuditEntryView> = server.admin.get("/audit?limit=10").await.expect(200);
            let own = |entry: &&AuditEntryView| entry.request_id.as_deref() == Some(request.as_str());
            match page.items.iter().find(own) {
                Some(entry) if entry.source_ip == "127.0.0.1" => {}
                Some(entry) => missing.push(format!("{}: from {}", call.route, entry.source_ip)),
                None => missing.push(format!("{}: {} {}", call.route, answer.status, answer.body)),
            }
        }
    }
    assert!(missing.is_empty(), "changes that nobody wrote down:\n  {}", missing.join("\n  "));

    let log = server.admin.get("/audit/export").await;
    assert_eq!(log.status, 200);
    assert!(!secrets.is_empty(), "the calls hand out no secret");
    let told: Vec<_> = secrets.iter().filter(|secret| log.body.contains(secret.as_str())).collect();
    assert!(told.is_empty(), "secrets in the log: {told:?}");
    let checked: Value = server.admin.post("/audit/verification", &serde_json::json!({})).await.expect(200);
    assert_eq!(checked["broken"], Value::Null, "{checked}");
}

/// What stands in the secret fields of an answer; of an address what stands behind the `#`.
fn collect(value: &Value, field: &str, secrets: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| collect(value, name, secrets)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, field, secrets)),
        Value::String(text) if SECRET.contains(&field) => {
            let secret = text.rsplit(['#', '=']).next().unwrap_or_default();
            if secret.len() >= SECRET_LENGTH && !secret.contains(' ') {
                secrets.insert(secret.to_owned());
            }
        }
        _ => {}
    }
}
