//! Configurations of every age and in every state: what can be read is read whole, what cannot is said, and nothing is
//! lost.

mod going_back;

use super::*;
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::{Map, json};
use std::fs;
use tempfile::TempDir;

const DEVICE: &str = "01890000-0000-7000-8000-000000000001";

fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn place() -> (TempDir, Paths) {
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths::under(folder.path());
    (folder, paths)
}

/// `agent.json`, as version 0.1.0 wrote it.
fn version_1() -> Map<String, Value> {
    let Value::Object(map) = json!({
        "server_url": "https://reeve.example",
        "websocket_url": "wss://reeve.example/ws",
        "device_id": DEVICE,
        "device_name": "till-1",
        "business_id": "01890000-0000-7000-8000-000000000002",
        "service_location_id": null,
        "settings": { "heartbeat_interval_seconds": 20, "metrics_interval_seconds": 30, "inventory_interval_seconds": 300 },
        "registered_at": "2026-11-20T12:00:00Z",
    }) else {
        unreachable!()
    };
    map
}

fn version_2() -> Map<String, Value> {
    let mut map = version_1();
    map.remove("settings");
    map.insert("config_version".to_owned(), json!(2));
    map.insert("current_version".to_owned(), json!(machine::version()));
    map
}

fn put(path: &std::path::Path, map: &Map<String, Value>) {
    fs::write(path, serde_json::to_vec_pretty(map).unwrap()).unwrap();
}

/// What is said about a version 2 in which one field is another.
fn said(field: &str, value: &Value) -> ConfigError {
    let (_folder, paths) = place();
    let mut map = version_2();
    map.insert(field.to_owned(), value.clone());
    put(&path(&paths), &map);
    let before = fs::read(path(&paths)).unwrap();
    let error = read(&paths).expect_err(field);
    assert_eq!(settle(&paths, noon()), Err(error.clone()), "{field}");
    assert_eq!(fs::read(path(&paths)).unwrap(), before, "{field}: the file was touched");
    error
}

#[test]
fn version_1_is_migrated_with_a_backup_and_its_settings_get_their_own_file() {
    let (_folder, paths) = place();
    put(&paths.registration(), &version_1());
    let former = fs::read(paths.registration()).unwrap();
    let seen = read(&paths).unwrap().unwrap();
    assert!(!path(&paths).exists(), "reading changes nothing");
    assert_eq!((seen.version, seen.config.device_name.as_str()), (1, "till-1"));

    let config = settle(&paths, noon()).unwrap().unwrap();
    assert_eq!(config, seen.config);
    assert_eq!(config.device_id.to_string(), DEVICE);
    assert_eq!((config.log_level.word(), config.polling_interval_seconds), ("info", 14_400));
    let backup = paths.folder().join("config.json.20261121120000.bak");
    assert_eq!(backups(&paths), std::slice::from_ref(&backup));
    assert_eq!(fs::read(backup).unwrap(), former);
    assert_eq!(
        fs::read(paths.registration()).unwrap(),
        former,
        "an agent put back to 0.1.0 still finds its file"
    );
    assert_eq!(load_settings(&paths).heartbeat_interval_seconds, 20);

    let again = fs::read(path(&paths)).unwrap();
    assert_eq!(settle(&paths, noon()).unwrap(), Some(config));
    assert_eq!((fs::read(path(&paths)).unwrap(), backups(&paths).len()), (again, 1), "once is enough");
}

#[test]
fn config_json_of_version_1_is_migrated_too() {
    for version in [None, Some(json!(1))] {
        let (_folder, paths) = place();
        let mut map = version_1();
        if let Some(version) = version {
            map.insert("config_version".to_owned(), version);
        }
        put(&path(&paths), &map);
        let former = fs::read(path(&paths)).unwrap();
        settle(&paths, noon()).unwrap().unwrap();
        assert_eq!(read(&paths).unwrap().unwrap().version, 2);
        assert_eq!(fs::read(&backups(&paths)[0]).unwrap(), former);
    }
}

#[test]
fn two_backups_of_one_second_are_two_files() {
    let (_folder, paths) = place();
    let taken = paths.folder().join("config.json.20261121120000.bak");
    fs::write(&taken, "another one").unwrap();
    put(&paths.registration(), &version_1());
    settle(&paths, noon()).unwrap().unwrap();
    assert_eq!(fs::read_to_string(&taken).unwrap(), "another one");
    assert_eq!(backups(&paths).len(), 2);
}

#[test]
fn a_migration_that_cannot_be_written_changes_nothing_and_the_agent_goes_on() {
    let (_folder, paths) = place();
    put(&path(&paths), &version_1());
    let former = fs::read(path(&paths)).unwrap();
    // Stands where the new file is written first.
    fs::create_dir(paths.folder().join(".config.json.new")).unwrap();
    for second in 0..3 {
        let now = noon() + chrono::TimeDelta::seconds(second);
        let config = settle(&paths, now).unwrap().unwrap();
        assert_eq!(config.device_id.to_string(), DEVICE);
    }
    assert_eq!(fs::read(path(&paths)).unwrap(), former);
    assert_eq!(backups(&paths).len(), 1, "tries that fail again and again keep one backup");
    fs::remove_dir(paths.folder().join(".config.json.new")).unwrap();
    settle(&paths, noon()).unwrap();
    assert_eq!(read(&paths).unwrap().unwrap().version, 2);
}

#[test]
fn another_version_of_the_agent_is_written_down() {
    let (_folder, paths) = place();
    let mut map = version_2();
    map.insert("current_version".to_owned(), json!("0.0.9"));
    put(&path(&paths), &map);
    assert_eq!(settle(&paths, noon()).unwrap().unwrap().current_version, machine::version());
    assert_eq!(read(&paths).unwrap().unwrap().config.current_version, machine::version());
    assert_eq!(backups(&paths).len(), 0, "that is no migration");
}

#[test]
fn a_newer_version_is_refused_with_what_to_do() {
    let error = said("config_version", &json!(3));
    assert_eq!(error.field.as_deref(), Some("config_version"));
    assert!(error.detail.contains("version 3") && error.detail.contains("up to 2"), "{error}");
    for nonsense in [json!("2"), json!(0), json!(-1), json!(2.5), json!(null)] {
        assert!(said("config_version", &nonsense).detail.contains("expected a whole number"), "{nonsense}");
    }
}

#[test]
fn every_wrong_value_names_its_field_and_its_place() {
    for (field, value, part) in [
        ("server_url", json!("reeve.example"), "expected an address"),
        ("server_url", json!(5), "expected a text, found 5"),
        ("server_url", json!("https://u:hunter2@reeve.example"), "expected an address"),
        ("websocket_url", json!("ws://reeve.example/ws"), "less protected"),
        ("websocket_url", json!("gopher://x"), "wss://"),
        ("device_id", json!("me"), "expected an id"),
        ("device_name", json!(""), "must not be empty"),
        ("device_name", json!("a\u{7}"), "control characters"),
        ("device_name", json!("x".repeat(3_000)), "at most"),
        ("registered_at", json!("yesterday"), "expected a time"),
        ("log_level", json!("loud"), "one of verbose, debug"),
        ("log_level", json!(["info"]), "expected a text"),
        ("log_file_size_bytes", json!(1), "from 65536"),
        ("log_files", json!(0), "from 1 to 100"),
        ("log_file_age_hours", json!(1e30), "from 1 to 8760"),
        ("polling_interval_seconds", json!("4h"), "from 60"),
        ("show_update_notifications", json!("yes"), "true or false"),
        ("loglevel", json!("info"), "there is no such field"),
    ] {
        let error = said(field, &value);
        assert_eq!(error.field.as_deref(), Some(field), "{error}");
        assert!(error.detail.contains(part), "{field}: {error}");
        assert!(error.at.is_some(), "{field} has no place");
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(error.to_string().contains("config.json, line "), "{error}");
    }
    for field in ["server_url", "websocket_url", "device_id", "business_id", "registered_at"] {
        let (_folder, paths) = place();
        let mut map = version_2();
        map.remove(field);
        put(&path(&paths), &map);
        let error = read(&paths).expect_err(field);
        assert_eq!((error.field.as_deref(), error.detail.as_str()), (Some(field), "this field is missing"));
    }
}

#[test]
fn what_is_no_configuration_is_said_and_left_alone() {
    let huge = vec![b' '; 1024 * 1024];
    let deep = "[".repeat(20_000);
    for (bytes, part) in [
        (b"".as_slice(), "the file is empty"),
        (b"\0\0\0\0".as_slice(), "the file is empty"),
        (b"{\n  \"server_url\": \n", "probably cut off"),
        (b"{\"a\" 5}", "not valid JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[1, 2]", "has to hold an object"),
        (huge.as_slice(), "larger than 64 KiB"),
        (deep.as_bytes(), "not valid JSON"),
    ] {
        let (_folder, paths) = place();
        fs::write(path(&paths), bytes).unwrap();
        let error = read(&paths).expect_err(part);
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(settle(&paths, noon()), Err(error));
        assert_eq!(fs::read(path(&paths)).unwrap(), bytes, "{part}: the file was touched");
    }
    let (_folder, paths) = place();
    fs::create_dir(path(&paths)).unwrap();
    assert!(read(&paths).expect_err("a folder").to_string().contains("this is no file"));
    let (_folder, paths) = place();
    assert!(read(&paths).unwrap().is_none() && settle(&paths, noon()).unwrap().is_none());
}

#[test]
fn a_file_of_an_editor_of_windows_is_read() {
    let (_folder, paths) = place();
    let mut bytes = b"\xef\xbb\xbf".to_vec();
    bytes.extend(serde_json::to_string_pretty(&version_2()).unwrap().replace('\n', "\r\n").into_bytes());
    fs::write(path(&paths), bytes).unwrap();
    assert_eq!(read(&paths).unwrap().unwrap().config.device_name, "till-1");
}

#[test]
fn what_the_server_sets_never_reaches_the_configuration() {
    let (_folder, paths) = place();
    put(&path(&paths), &version_2());
    let before = fs::read(path(&paths)).unwrap();
    let hostile = r#"{"heartbeat_interval_seconds": 0, "metrics_interval_seconds": 4000000000,
        "inventory_interval_seconds": 1, "server_url": "https://evil.example", "device_id": "x"}"#;
    let settings: entity::wire::Settings = serde_json::from_str(hostile).unwrap();
    keep_settings(&paths, &settings).unwrap();
    let kept = load_settings(&paths);
    assert_eq!((kept.heartbeat_interval_seconds, kept.metrics_interval_seconds), (1, 3_600));
    assert_eq!(fs::read(path(&paths)).unwrap(), before);
    assert_eq!(read(&paths).unwrap().unwrap().config.server_url, "https://reeve.example");
    for damaged in ["", "{", "[]", "{\"heartbeat_interval_seconds\": \"x\"}"] {
        fs::write(paths.folder().join("settings.json"), damaged).unwrap();
        assert_eq!(load_settings(&paths), entity::wire::Settings::default(), "{damaged}");
    }
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Zäß0-9 .{}\"\\\\-]{1,40}".prop_filter("not empty", |text| !text.trim().is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_version_1_held_is_there_after_the_migration(
        name in text(), host in "[a-z]{1,20}", device in any::<u128>(), business in any::<u128>(),
        location in proptest::option::of(any::<u128>()), seconds in 0_i64..4_000_000_000, heartbeat in 1_u32..=300,
    ) {
        let (_folder, paths) = place();
        let id = |number: u128| uuid::Uuid::from_u128(number).to_string();
        let at = DateTime::<Utc>::from_timestamp(seconds, 0).unwrap();
        let mut map = version_1();
        map.insert("server_url".to_owned(), json!(format!("https://{host}.example")));
        map.insert("websocket_url".to_owned(), json!(format!("wss://{host}.example/ws")));
        map.insert("device_id".to_owned(), json!(id(device)));
        map.insert("device_name".to_owned(), json!(name));
        map.insert("business_id".to_owned(), json!(id(business)));
        map.insert("service_location_id".to_owned(), json!(location.map(id)));
        map.insert("registered_at".to_owned(), json!(at));
        map["settings"]["heartbeat_interval_seconds"] = json!(heartbeat);
        put(&paths.registration(), &map);
        let former = fs::read(paths.registration()).unwrap();

        let config = settle(&paths, noon()).unwrap().unwrap();
        prop_assert_eq!(&config, &read(&paths).unwrap().unwrap().config);
        prop_assert_eq!(config.server_url, format!("https://{host}.example"));
        prop_assert_eq!(config.device_id.to_string(), id(device));
        prop_assert_eq!(config.device_name, name);
        prop_assert_eq!(config.business_id.to_string(), id(business));
        prop_assert_eq!(config.service_location_id.map(|id| id.to_string()), location.map(id));
        prop_assert_eq!(config.registered_at, at);
        prop_assert_eq!(load_settings(&paths).heartbeat_interval_seconds, heartbeat);
        prop_assert_eq!(fs::read(&backups(&paths)[0]).unwrap(), former);
    }

    #[test]
    fn a_file_that_was_cut_off_is_never_taken_for_a_whole_one(
        cut in 0.0_f64..1.0, of_version_1 in any::<bool>(),
    ) {
        let (_folder, paths) = place();
        let map = if of_version_1 { version_1() } else { version_2() };
        let whole = serde_json::to_vec_pretty(&map).unwrap();
        let half = &whole[..(whole.len() as f64 * cut) as usize];
        fs::write(path(&paths), half).unwrap();
        prop_assert!(settle(&paths, noon()).is_err());
        prop_assert_eq!(fs::read(path(&paths)).unwrap(), half);
    }

    #[test]
    fn whatever_lies_there_gets_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (_folder, paths) = place();
        fs::write(path(&paths), &bytes).unwrap();
        prop_assert!(read(&paths).is_err());
        prop_assert_eq!(fs::read(path(&paths)).unwrap(), bytes);
    }
}
