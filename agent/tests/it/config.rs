//! The configuration as files: of every age, damaged, and beside what the server sets.

use crate::support::{Device, FakeServer, eventually};
use entity::wire::{Settings, ToAgent};
use serde_json::{Value, json};
use std::{fs, path::Path, time::Duration};
use tokio::time::sleep;
use updater::exit;

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Puts back the file of version 1, as an agent of 0.1.0 would have left it.
fn make_old(device: &Device) -> Vec<u8> {
    let path = device.data().join("config.json");
    let mut old = read(&path);
    let map = old.as_object_mut().unwrap();
    for name in ["config_version", "current_version", "log_level", "log_files", "log_file_size_bytes"] {
        map.remove(name);
    }
    for name in ["log_file_age_hours", "polling_interval_seconds", "show_update_notifications"] {
        map.remove(name);
    }
    map.insert("settings".to_owned(), read(&device.data().join("settings.json")));
    fs::remove_file(path).unwrap();
    fs::remove_file(device.data().join("settings.json")).unwrap();
    let bytes = serde_json::to_vec_pretty(&old).unwrap();
    fs::write(device.data().join("agent.json"), &bytes).unwrap();
    bytes
}

fn backups(device: &Device) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(device.data()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "bak")).collect()
}

#[tokio::test]
async fn an_agent_of_the_version_before_is_taken_over_as_it_was() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let former = make_old(&device);
    assert!(device.status().await.contains(&server.url), "a command reads the old file and leaves it");
    assert!(!device.data().join("config.json").exists());

    let running = device.run();
    eventually("samples", || !server.world().samples.is_empty()).await;
    let config = read(&device.data().join("config.json"));
    assert_eq!(
        (config["config_version"].as_u64(), config["server_url"].as_str()),
        (Some(2), Some(server.url.as_str()))
    );
    assert_eq!(read(&device.data().join("settings.json"))["heartbeat_interval_seconds"], 1);
    let backups = backups(&device);
    assert_eq!(backups.len(), 1);
    assert_eq!(fs::read(&backups[0]).unwrap(), former);
    let name = backups[0].file_name().unwrap().to_string_lossy().into_owned();
    let stamp = name.strip_prefix("config.json.").and_then(|rest| rest.strip_suffix(".bak")).unwrap();
    assert!(stamp.len() == 14 && stamp.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
    assert!(running.stop().await.success());
}

/// At every moment of its start: the old file is there, or the new one and the old one beside it.
#[tokio::test]
async fn an_agent_that_is_killed_while_it_migrates_loses_nothing() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let former = make_old(&device);
    fs::remove_file(device.data().join("agent.json")).unwrap();
    let (config, kept) = (device.data().join("config.json"), device.data().join("config.v1.json"));
    let mut migrated = 0;
    for step in 0..40_u64 {
        fs::write(&config, &former).unwrap();
        let _ = fs::remove_file(&kept);
        let running = device.run();
        sleep(Duration::from_millis(step * 3)).await;
        running.kill().await;
        if read(&config)["config_version"] == 2 {
            migrated += 1;
            assert_eq!(fs::read(&kept).unwrap(), former, "{step}");
        } else {
            assert_eq!(fs::read(&config).unwrap(), former, "{step}");
        }
        assert!(device.status().await.contains(&server.url), "{step}");
    }
    eprintln!("{migrated} of 40 had migrated");
    fs::write(&config, &former).unwrap();
    let samples = server.world().samples.len();
    let running = device.run();
    eventually("the new one", || read(&config)["config_version"] == 2).await;
    assert!(backups(&device).iter().any(|backup| fs::read(backup).unwrap() == former));
    eventually("samples", || server.world().samples.len() > samples).await;
    assert!(running.stop().await.success());
}

#[tokio::test]
async fn what_cannot_be_used_is_said_left_alone_and_reported() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let path = device.data().join("config.json");
    let good = fs::read(&path).unwrap();
    fs::write(device.data().join("config.json.20261121000000.bak"), &good).unwrap();
    let with = |name: &str, value: Value| {
        let mut config = serde_json::from_slice::<Value>(&good).unwrap();
        config[name] = value;
        serde_json::to_vec_pretty(&config).unwrap()
    };
    let files = [
        (good[..good.len() / 2].to_vec(), "not valid JSON"),
        (with("log_level", json!("loud")), "log_level"),
        (with("polling_interval_seconds", json!("soon")), "polling_interval_seconds"),
        (with("config_version", json!(99)), "version 99"),
        (vec![b'{'; 200_000], "larger than 64 KiB"),
    ];
    for (number, (bytes, part)) in files.iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        let output = device.output(&["run"]).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(i32::from(exit::CONFIG_INVALID)), "{part}: {said}");
        assert!(said.contains(part) && said.contains("config.json"), "{part}: {said}");
        assert_eq!(&fs::read(&path).unwrap(), bytes, "{part}: the file was touched");
        let world = server.world();
        assert_eq!(world.errors.len(), number + 1, "{part}: sent on the way out");
        let report = world.errors.last().unwrap();
        assert!(report.error_type == "config_invalid" && report.error_message.contains(part), "{report:?}");
    }
    fs::write(&path, &good).unwrap();
    let running = device.run();
    eventually("samples", || !server.world().samples.is_empty()).await;
    assert!(running.stop().await.success());
}

#[tokio::test]
async fn what_the_server_sets_outlives_the_agent_and_touches_nothing_else() {
    let mut server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let config = fs::read(device.data().join("config.json")).unwrap();
    let running = device.run();
    eventually("the link", || !server.world().sockets.is_empty()).await;
    let settings = Settings { heartbeat_interval_seconds: 7, ..server.world().settings.clone() };
    server.world().push(&ToAgent::Config { settings });
    let kept = device.data().join("settings.json");
    eventually("the settings on disk", || read(&kept)["heartbeat_interval_seconds"] == 7).await;
    assert!(running.stop().await.success());
    server.vanish().await;
    assert_eq!(read(&kept)["heartbeat_interval_seconds"], 7);
    assert_eq!(fs::read(device.data().join("config.json")).unwrap(), config);
}

#[tokio::test]
async fn registering_anew_takes_the_place_of_what_cannot_be_read_and_keeps_it() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let path = device.data().join("config.json");
    fs::write(&path, "{\"half\": ").unwrap();
    let refused = device.register(&server, "AGT-good", &[]).await;
    assert_eq!(refused.status.code(), Some(i32::from(exit::CONFIG_INVALID)));
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"half\": ", "nothing is lost");
    assert!(device.register(&server, "AGT-good", &["--replace"]).await.status.success());
    assert_eq!(read(&path)["config_version"], 2);
    let kept = backups(&device);
    assert!(kept.len() == 1 && fs::read_to_string(&kept[0]).unwrap() == "{\"half\": ");
}
