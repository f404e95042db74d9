//! The calls about commands and requests over REST; what takes them back comes last.

use super::{
    Kind::{self, Changes, Lists, Reads},
    World,
};
use serde_json::{Value, json};

pub(super) fn rest(world: &World) -> [(&'static str, Kind, bool, Value); 11] {
    let note = json!({ "payload": { "kind": "notify_ops", "message": "R" } });
    let reboot = json!({ "payload": { "kind": "reboot", "delay_seconds": 120 } });
    let edit = json!({ "request_sha256": world.asks.own.digest, "command": reboot });
    let many = json!({ "targets": [world.device], "command": note });
    [
        ("GET /commands", Lists, false, Value::Null),
        ("GET /commands/{id}", Reads, false, Value::Null),
        ("GET /command-requests", Lists, false, Value::Null),
        ("GET /command-requests/{id}", Reads, false, Value::Null),
        ("PUT /command-requests/{id}", Changes, true, edit),
        ("GET /agents/{id}/command-history", Reads, false, Value::Null),
        ("POST /commands/preview", Reads, false, many.clone()),
        ("POST /agents/{id}/commands", Changes, true, note),
        ("POST /commands", Changes, true, many),
        ("POST /commands/{id}/cancel", Changes, true, Value::Null),
        ("POST /command-requests/{id}/cancel", Changes, true, Value::Null),
    ]
}
