//! Calls about the evidence of commands and devices' own records over REST.

use super::{FakeAgent, Kind};
use crate::support::server::TestServer;
use entity::{
    command::{ChainEntry, ChainEvent, ChainHead},
    wire::Chain,
};
use serde_json::Value;

/// Makes a device tell a record that does not fit, so that somebody can say that they have seen it.
pub(super) async fn be_at_fault(server: &TestServer, agent: &FakeAgent) {
    let cx = domain::agent_token::authenticate(server.store(), &agent.token).await.expect("the device");
    let entry = ChainEntry {
        seq: 1,
        at: server.store().clock().now(),
        event: ChainEvent::Lock,
        command_id: None,
        subject_sha256: String::new(),
        note: String::new(),
        previous: "0".repeat(64),
        hash: "not its own".to_owned(),
    };
    let head = ChainHead { seq: 1, hash: entry.hash.clone(), signature: None };
    domain::command::chain::append(&cx, Chain { entries: vec![entry], head }).await.expect("taken");
}

/// All of them.
pub(super) fn rest() -> Vec<(&'static str, Kind, bool, Value)> {
    vec![
        ("GET /commands/{id}/evidence", Kind::Reads, true, Value::Null),
        ("GET /agents/{id}/record", Kind::Reads, false, Value::Null),
        ("GET /agents/{id}/record/entries", Kind::Reads, false, Value::Null),
        ("DELETE /agents/{id}/record/fault", Kind::Changes, true, Value::Null),
    ]
}
