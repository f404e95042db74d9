//! What a later version leaves on the disk, read by the one that takes its place again: whole machines, real files.

use crate::support::{Device, FakeServer, Machine, eventually, program, stamp, stamped, updater};
use entity::update::UpdateState;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::sleep;

/// Signed, hashed, the supervisor's, or looked at by itself.
const LEFT_ALONE: [&str; 5] =
    ["config.json", "config.v2.json", "release-root.json", "chain.jsonl", "updates"];

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What a later version says besides, in an object of any file.
fn more(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.insert("of_a_later_version".to_owned(), json!({ "deep": [1, { "deeper": null }] }));
    }
    if let Some(sample) = value.get_mut("sample").and_then(Value::as_object_mut) {
        sample.insert("of_a_later_version".to_owned(), json!("x"));
    }
    value
}

/// Adds a field that nobody knows to everything that the agent keeps; answers the names of the files.
fn extend(folder: &Path) -> Vec<String> {
    let mut extended = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if LEFT_ALONE.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            extended.extend(extend(&path));
        } else if name.ends_with(".json") {
            fs::write(&path, more(read(&path)).to_string()).unwrap();
            extended.push(name);
        } else if name.ends_with(".jsonl") {
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().map(|line| more(serde_json::from_str(line).unwrap()).to_string() + "\n");
            fs::write(&path, lines.collect::<String>()).unwrap();
            extended.push(name);
        }
    }
    extended
}

/// Migrates the configuration as a later version would; answers what was there and what is.
fn migrate(data: &Path) -> (Value, Vec<u8>) {
    let path = data.join("config.json");
    let before = fs::read(&path).unwrap();
    let mut later: Value = serde_json::from_slice(&before).unwrap();
    let url = later.as_object_mut().unwrap().remove("server_url");
    later["config_version"] = json!(3);
    later["server"] = json!({ "url": url });
    let later = serde_json::to_vec_pretty(&later).unwrap();
    fs::write(data.join("config.v2.json"), &before).unwrap();
    fs::write(path, &later).unwrap();
    (serde_json::from_slice(&before).unwrap(), later)
}

fn backups(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "bak")).collect()
}

#[tokio::test]
async fn an_agent_that_comes_back_reads_everything_that_a_later_one_left() {
    let mut server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let running = device.run();
    eventually("samples", || server.world().samples.len() >= 2).await;
    server.vanish().await;
    sleep(Duration::from_millis(2_500)).await;
    running.kill().await;
    let waiting = device.spooled();
    assert!(waiting.len() >= 2, "{waiting:?}");
    let (before, later) = migrate(device.data());
    let extended = extend(device.data());
    for name in ["settings.json", "state.json", "mark.json"] {
        let is_there = extended.iter().any(|other| other == name);
        assert!(is_there, "{name} is not among {extended:?}");
    }
    server.come_back().await;
    let running = device.run();
    eventually("everything that waited", || {
        let world = server.world();
        waiting.iter().all(|at| world.samples.contains_key(at))
    })
    .await;
    let config = read(&device.data().join("config.json"));
    assert_eq!(config, before, "every field, as it was");
    assert!(backups(device.data()).iter().any(|backup| fs::read(backup).unwrap() == later));
    {
        let world = server.world();
        let said = |word: &str| world.errors.iter().any(|error| error.error_type.starts_with(word));
        assert!(!said("config_") && !said("storage_"), "{:?}", world.errors);
        assert_eq!((world.devices.len(), world.dropped_total), (1, 0));
    }
    assert_eq!(read(&device.data().join("settings.json"))["heartbeat_interval_seconds"], 1);
    let status = device.status().await;
    assert!(status.contains(&server.url), "{status}");
    assert!(running.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_migrates_and_is_taken_back_leaves_the_one_before_able_to_work() {
    let Some(updater) = updater() else { return };
    let machine = Machine::start(&updater).await;
    // One for the question beforehand, none when it runs.
    machine.server.world().releases.receipts_left.insert("build-2".to_owned(), 1);
    let new = stamped(&program(), &stamp(2));
    let migrating = async {
        eventually("the new one", || machine.runs() == Some(2)).await;
        migrate(machine.device.data())
    };
    let (last, (before, later)) = tokio::join!(machine.update(2, new.clone(), new), migrating);
    assert_eq!(last.state, UpdateState::RolledBack, "{last:?}\n{}", machine.said());
    eventually("the one before", || machine.runs() == Some(1)).await;
    let config = read(&machine.device.data().join("config.json"));
    assert_eq!(config["config_version"], 2);
    assert_eq!((&config["device_id"], &config["server_url"]), (&before["device_id"], &before["server_url"]));
    assert_eq!(config["current_version"], "9.1.0");
    assert!(backups(machine.device.data()).iter().any(|backup| fs::read(backup).unwrap() == later));
    assert_eq!(machine.hellos(), 3, "it started at once\n{}", machine.said());
    let samples = machine.server.world().samples.len();
    eventually("more samples", || machine.server.world().samples.len() > samples).await;
    let world = machine.server.world();
    let about_it = world.errors.iter().filter(|error| error.error_type.starts_with("config_"));
    assert_eq!(about_it.count(), 0, "{:?}", world.errors);
}
