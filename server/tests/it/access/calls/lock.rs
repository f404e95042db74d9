//! Calls about lock one over REST: approvals, policies, the emergency stop, scripts.

use super::{Kind, World};
use serde_json::{Value, json};

/// What stands for an id in the address of one of these.
pub(super) fn id_in(world: &World, route: &str) -> Option<String> {
    let asks = &world.asks;
    let asked = match route.rsplit('/').next() {
        Some("reject") => &asks.rejected,
        Some("break-glass") => &asks.alone,
        Some("review") => &asks.passed,
        _ => &asks.approved,
    };
    match route.split('/').nth(1) {
        Some("approvals") => Some(asked.request.to_string()),
        Some("scripts") => Some(asks.script.to_string()),
        Some("script-versions") => Some(asks.version.to_string()),
        _ => None,
    }
}

/// All of them; what ends something comes last.
pub(super) fn rest(world: &World) -> Vec<(&'static str, Kind, bool, Value)> {
    use Kind::{Changes, Lists, Makes, Reads};
    let (asks, business) = (&world.asks, world.business);
    let none = Value::Null;
    let read = |digest: &str| json!({ "request_sha256": digest });
    let policy = json!({"revision": 0, "rules": [], "rearm_approvals": 2});
    let version = |text: &str| json!({"shell": "sh", "script": text});
    vec![
        ("GET /approvals", Lists, true, none.clone()),
        ("GET /approvals/{id}", Reads, true, none.clone()),
        ("POST /approvals/{id}/approve", Changes, true, read(&asks.approved.digest)),
        ("POST /approvals/{id}/revoke", Changes, true, none.clone()),
        ("POST /approvals/{id}/reject", Changes, true, read(&asks.rejected.digest)),
        (
            "POST /approvals/{id}/break-glass",
            Changes,
            true,
            json!({"request_sha256": asks.alone.digest, "reason": "It burns."}),
        ),
        ("GET /approvals/{id}/review", Reads, true, none.clone()),
        ("POST /approvals/{id}/review", Changes, true, json!({"note": "It did burn."})),
        ("GET /approval-policies", Lists, false, none.clone()),
        ("GET /approval-policies/default", Lists, false, none.clone()),
        ("PUT /approval-policies/default", Changes, true, policy.clone()),
        ("GET /approval-policies/default/revisions", Lists, false, none.clone()),
        ("GET /businesses/{id}/approval-policy", Reads, false, none.clone()),
        ("PUT /businesses/{id}/approval-policy", Changes, true, policy),
        ("GET /businesses/{id}/approval-policy/revisions", Reads, false, none.clone()),
        ("GET /emergency-stop", Lists, false, none.clone()),
        ("POST /emergency-stop/rearm", Changes, true, json!({"business_id": business, "seq": asks.stop_seq})),
        ("POST /emergency-stop", Changes, false, json!({"business_id": business})),
        ("GET /scripts", Lists, true, none.clone()),
        (
            "POST /scripts",
            Makes,
            true,
            json!({"script_name": "R", "business_id": business, "version": version("true")}),
        ),
        ("GET /scripts/{id}", Reads, true, none.clone()),
        ("GET /scripts/{id}/versions", Reads, true, none.clone()),
        ("GET /script-versions/{id}", Reads, true, none.clone()),
        ("POST /scripts/{id}/versions", Changes, true, version("echo")),
        ("PUT /scripts/{id}", Changes, true, json!({"script_name": "R2"})),
        ("DELETE /scripts/{id}", Changes, true, none),
    ]
}
