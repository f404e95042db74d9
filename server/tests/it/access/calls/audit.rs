//! The calls about the audit log.

use super::{
    Form,
    Kind::{self, Lists, Reads},
};
use serde_json::{Value, json};

/// Over REST.
pub(super) fn rest() -> [(&'static str, Kind, bool, Value); 4] {
    [
        ("GET /audit", Lists, true, Value::Null),
        ("GET /audit/export", Lists, true, Value::Null),
        ("GET /audit/{id}", Reads, true, Value::Null),
        ("POST /audit/verification", Lists, true, json!({})),
    ]
}

/// In the portal.
pub(super) fn portal(entry: i64) -> [Form; 4] {
    let field = |name: &str, value: String| vec![(name.to_owned(), value)];
    [
        ("POST /portal/audit/list", Lists, true, vec![]),
        ("POST /portal/audit/options", Lists, true, vec![]),
        ("POST /portal/audit/get", Reads, true, field("seq", entry.to_string())),
        ("POST /portal/audit/verify", Lists, true, field("expected_head", String::new())),
    ]
}
