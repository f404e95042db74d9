//! An agent that is put back to the version from before a migration: at whatever moment, it goes on with what it had.

use super::*;

/// What a later version makes of a file of version 2: some names stay, others do not.
fn version_3() -> Vec<u8> {
    let later = json!({
        "config_version": 3,
        "device_id": DEVICE,
        "server": { "url": "https://reeve.example", "socket": "wss://reeve.example/ws" },
        "polling": "4h",
        "what_nobody_knows_yet": [1, 2, 3],
    });
    serde_json::to_vec_pretty(&later).unwrap()
}

/// What an administrator chose in version 2.
fn chosen() -> Map<String, Value> {
    let mut map = version_2();
    map.insert("log_level".to_owned(), json!("debug"));
    map.insert("polling_interval_seconds".to_owned(), json!(7_200));
    map
}

/// What a migration to version 3 leaves when it is cut off after so many writes; six are all of them.
fn cut_off_after(paths: &Paths, writes: usize) {
    let (before, later) = (fs::read(path(paths)).unwrap(), version_3());
    let steps: [(&str, &[u8]); 6] = [
        ("config.json.20270101120000.bak", &before[..40]),
        ("config.json.20270101120000.bak", &before),
        (".config.v2.json.new", &before[..40]),
        ("config.v2.json", &before),
        (".config.json.new", &later[..40]),
        ("config.json", &later),
    ];
    for (name, bytes) in steps.into_iter().take(writes) {
        fs::write(paths.folder().join(name), bytes).unwrap();
    }
}

#[test]
fn an_agent_that_is_put_back_goes_on_with_what_it_had() {
    for writes in 0..=6 {
        let (_folder, paths) = place();
        put(&path(&paths), &chosen());
        cut_off_after(&paths, writes);
        let seen = read(&paths).unwrap().unwrap();
        assert_eq!(seen.is_former(), writes == 6, "{writes}");

        let config = settle(&paths, noon()).unwrap().unwrap();
        assert_eq!(config, seen.config, "{writes}");
        assert_eq!(config.device_id.to_string(), DEVICE);
        assert_eq!((config.log_level.word(), config.polling_interval_seconds), ("debug", 7_200), "{writes}");
        let again = read(&paths).unwrap().unwrap();
        assert_eq!((again.version, again.is_former(), again.config), (2, false, config), "{writes}");
        let has_later = backups(&paths).iter().any(|backup| fs::read(backup).unwrap() == version_3());
        assert_eq!(has_later, writes == 6, "{writes}: what the later version had is kept");
    }
}

#[test]
fn back_and_forth_and_back_keeps_what_was_chosen_in_between() {
    let (_folder, paths) = place();
    put(&path(&paths), &chosen());
    for interval in [7_200, 3_600, 1_800] {
        let mut map = chosen();
        map.insert("polling_interval_seconds".to_owned(), json!(interval));
        put(&path(&paths), &map);
        cut_off_after(&paths, 6);
        assert_eq!(settle(&paths, noon()).unwrap().unwrap().polling_interval_seconds, interval);
    }
}

#[test]
fn what_was_put_away_and_cannot_be_read_is_not_guessed() {
    let (other, later) = (serde_json::to_vec(&version_1()).unwrap(), version_3());
    let all: [&[u8]; 5] = [b"", b"{", b"[]", &other, &later];
    for damaged in all {
        let (_folder, paths) = place();
        put(&path(&paths), &chosen());
        cut_off_after(&paths, 6);
        fs::write(former::path(&paths, 2), damaged).unwrap();
        let error = settle(&paths, noon()).unwrap_err();
        assert!(error.is_later && error.field.as_deref() == Some("config_version"), "{error}");
        assert_eq!(fs::read(path(&paths)).unwrap(), later, "the file was touched");
    }
}

#[test]
fn what_cannot_be_put_back_is_left_and_the_agent_goes_on_all_the_same() {
    let (_folder, paths) = place();
    put(&path(&paths), &chosen());
    cut_off_after(&paths, 6);
    let in_the_way = paths.folder().join(".config.json.new");
    fs::remove_file(&in_the_way).unwrap();
    fs::create_dir(&in_the_way).unwrap();
    for _ in 0..3 {
        assert_eq!(settle(&paths, noon()).unwrap().unwrap().polling_interval_seconds, 7_200);
        assert_eq!(fs::read(path(&paths)).unwrap(), version_3());
    }
    fs::remove_dir(&in_the_way).unwrap();
    settle(&paths, noon()).unwrap().unwrap();
    assert_eq!(read(&paths).unwrap().unwrap().version, 2);
}

#[test]
fn a_migration_of_ours_leaves_the_version_before_its_file() {
    let (_folder, paths) = place();
    put(&path(&paths), &version_1());
    let former = fs::read(path(&paths)).unwrap();
    settle(&paths, noon()).unwrap().unwrap();
    assert_eq!(read(&paths).unwrap().unwrap().version, 2);
    assert_eq!(fs::read(former::path(&paths, 1)).unwrap(), former);
    // And a version that has only that one, after a later version than ours.
    fs::write(path(&paths), version_3()).unwrap();
    let seen = read(&paths).unwrap().unwrap();
    assert_eq!((seen.version, seen.is_former()), (1, true));
    assert_eq!(settle(&paths, noon()).unwrap().unwrap().device_name, "till-1");
    assert_eq!(read(&paths).unwrap().unwrap().version, 2);
}

#[test]
fn a_machine_that_became_another_device_is_that_for_former_versions_too() {
    let (_folder, paths) = place();
    put(&path(&paths), &chosen());
    cut_off_after(&paths, 6);
    let mut config = settle(&paths, noon()).unwrap().unwrap();
    fs::write(former::path(&paths, 1), "{\"half\": ").unwrap();
    config.device_id = "01890000-0000-7000-8000-00000000000f".parse().unwrap();
    config.server_url = "https://other.example".to_owned();
    config.websocket_url = "wss://other.example/ws".to_owned();
    former::renew(&paths, &config).unwrap();
    assert!(!former::path(&paths, 1).exists(), "it would be taken for the device before");
    fs::write(path(&paths), version_3()).unwrap();
    let back = settle(&paths, noon()).unwrap().unwrap();
    assert_eq!(back, config, "another device, and the same choices");
}

/// An agent of this version refuses a field more: whoever adds one makes version 3, or a rollback ends in an agent that
/// does not start.
#[test]
fn the_fields_of_version_2_stay_what_they_are() {
    let (_folder, paths) = place();
    put(&path(&paths), &version_2());
    let config = settle(&paths, noon()).unwrap().unwrap();
    let Value::Object(written) = serde_json::to_value(config).unwrap() else { panic!("an object") };
    let mut names: Vec<&str> = written.keys().map(String::as_str).collect();
    names.sort_unstable();
    let of_version_2 = [
        "business_id",
        "config_version",
        "current_version",
        "device_id",
        "device_name",
        "log_file_age_hours",
        "log_file_size_bytes",
        "log_files",
        "log_level",
        "polling_interval_seconds",
        "registered_at",
        "server_url",
        "service_location_id",
        "show_update_notifications",
        "websocket_url",
    ];
    assert_eq!((VERSION, &names[..]), (2, &of_version_2[..]));
}
