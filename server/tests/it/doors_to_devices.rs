//! Every way by which a device can be made to do something stands in ARCHITECTURE.md, and leads through the one gate. A new
//! one fails here until it does.

use crate::support::workspace::{root, rust_files};
use entity::command::Door;
use std::collections::BTreeSet;

/// Files in which this stands, tests aside.
fn files_with(needles: &[&str]) -> BTreeSet<String> {
    let is_test = |name: &str| name.contains("/tests") || name.ends_with("tests.rs");
    rust_files()
        .into_iter()
        .filter(|(name, text)| !is_test(name) && needles.iter().any(|needle| text.contains(needle)))
        .map(|(name, _)| name)
        .collect()
}

fn only(what: &str, needles: &[&str], allowed: &[&str]) {
    let found = files_with(needles);
    let allowed: BTreeSet<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, allowed, "{what}: a new door to devices goes through domain::command::create");
}

#[test]
fn every_door_stands_in_the_table_and_every_line_of_the_table_is_a_door() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map");
    let (_, section) = text.split_once("## Doors to a device").expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let listed: BTreeSet<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split('`').next())
        .collect();
    let doors: BTreeSet<&str> = Door::ALL.iter().map(|door| door.word()).collect();
    assert_eq!(listed, doors);
}

#[test]
fn commands_are_made_signed_and_handed_out_in_one_place_each() {
    let create = "server/domain/src/command/create.rs";
    let doors = ["Portal", "Api", "Schedule", "Suggestion", "Alert", "TestControl"]
        .map(|door| format!("Door::{door}"));
    let doors: Vec<&str> = doors.iter().map(String::as_str).collect();
    // The portal's own call tells a person from a test control, which is another verb.
    only("who says by which door", &doors, &["app/src/command/calls.rs", create]);
    only(
        "who writes requests and commands",
        &["request::Entity::insert", "command::Entity::insert", "command_request::Entity::insert"],
        &[create],
    );
    let signer = "server/domain/src/command/signer.rs";
    only("who signs orders", &["seal_order("], &["server/domain/src/command/deliver.rs", signer]);
    only(
        "who may sign at all",
        &["SealKey::from_seed"],
        &[signer, "server/domain/src/command/signer_file.rs"],
    );
    let deliver = files_with(&["gate(store, request)"]);
    assert!(deliver.contains("server/domain/src/command/deliver.rs"), "delivery asks the gate: {deliver:?}");
}

/// What a server can say to a device, and why none of it but a command makes the device do something.
const SAID: [(&str, &str); 17] = [
    ("Welcome", "settings, which are a bounded set"),
    ("Ack", "what is stored"),
    ("LogsAck", "what is stored"),
    ("EventAck", "what is stored"),
    ("Config", "settings, which are a bounded set"),
    ("Command", "the one door: signed, and both locks"),
    ("CommandCancel", "forbids"),
    ("Stop", "signed, and forbids until people let go on"),
    ("ResultAck", "what is stored"),
    ("ChainAck", "what is stored"),
    (
        "UpdateRequired",
        "a hint to ask: what may run is signed by people who release, and the supervisor looks",
    ),
    ("UpdateStatusAck", "what is stored"),
    ("Ping", "nothing"),
    ("Goodbye", "ends the link"),
    ("Busy", "nothing"),
    ("Unsupported", "nothing"),
    ("Unknown", "nothing"),
];

#[test]
fn nothing_else_that_a_server_says_makes_a_device_do_something() {
    let file = std::fs::read_to_string(root().join("entity/src/wire/mod.rs")).expect("the wire");
    let (_, text) = file.split_once("pub enum ToAgent {").expect("the enum");
    let text = text.split("\n}\n").next().unwrap_or_default();
    let variants: BTreeSet<&str> = text
        .lines()
        .filter(|line| line.starts_with("    ") && line[4..].starts_with(|c: char| c.is_ascii_uppercase()))
        .filter_map(|line| line.trim().split(['(', ' ', ',']).next())
        .collect();
    let known: BTreeSet<&str> = SAID.iter().map(|(name, _)| *name).collect();
    assert_eq!(variants, known, "a new message says here why it is no door, or goes through the gate");
}
