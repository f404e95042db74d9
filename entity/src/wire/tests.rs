//! Every golden file of every protocol version still reads, and today's types write today's files.

use super::*;
use std::{fs, path::Path};

fn golden(version: u16, side: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/wire/golden/v{version}/{side}"));
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("golden files exist")
        .map(|entry| entry.expect("readable").path())
        .map(|path| {
            let text = fs::read_to_string(&path).expect("readable");
            (path.file_name().expect("named").to_string_lossy().into_owned(), text)
        })
        .collect();
    files.sort();
    files
}

/// Reads `text` as a `T`, writes it again, and compares the two as JSON.
fn round_trip<T: serde::de::DeserializeOwned + Serialize>(name: &str, text: &str) {
    let value: T =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{name} no longer reads: {error}"));
    let again = serde_json::to_value(&value).expect("serialises");
    let before: serde_json::Value = serde_json::from_str(text).expect("is JSON");
    assert_eq!(again, before, "{name} is written differently today: add a new protocol version");
}

#[test]
fn golden_messages_of_every_version_read() {
    for version in 1..=PROTOCOL {
        let to_server = golden(version, "to_server");
        assert!(to_server.len() >= 8, "one file for each message of v{version}");
        for (name, text) in to_server {
            round_trip::<ToServer>(&name, &text);
        }
        let to_agent = golden(version, "to_agent");
        assert!(to_agent.len() >= 7, "one file for each message of v{version}");
        for (name, text) in to_agent {
            round_trip::<ToAgent>(&name, &text);
        }
    }
}

#[test]
fn unknown_types_and_fields_are_understood_as_such() {
    let message: ToServer = serde_json::from_str(r#"{"type":"from_the_future","x":1}"#).expect("reads");
    assert_eq!(message, ToServer::Unknown);
    let message: ToServer =
        serde_json::from_str(r#"{"type":"heartbeat","link":"socket","mood":"good"}"#).expect("reads");
    assert!(matches!(message, ToServer::Heartbeat(_)));
}

#[test]
fn the_socket_address_follows_the_public_one() {
    assert_eq!(websocket_url("http://127.0.0.1:8080"), "ws://127.0.0.1:8080/ws");
    assert_eq!(websocket_url("https://reeve.example/"), "wss://reeve.example/ws");
}
