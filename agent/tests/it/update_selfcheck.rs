//! `reeve-agent selfcheck`, beside an agent that runs: it says what it is and whether it could work, and is over in time.

use crate::support::{Device, FakeServer, Keys, NONCE, eventually};
use entity::release::{open_receipt, open_root};
use std::{fs, time::Duration};
use tokio::{net::TcpListener, time::Instant};
use updater::selfcheck::SelfCheck;

async fn check(device: &Device) -> (SelfCheck, Option<i32>, Duration) {
    let began = Instant::now();
    let output = device.output(&["selfcheck", "--nonce", NONCE]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}{}", String::from_utf8_lossy(&output.stderr));
    (serde_json::from_str(&said).expect(&said), output.status.code(), began.elapsed())
}

#[tokio::test]
async fn a_program_that_could_work_has_a_receipt_for_it() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let running = device.run();
    eventually("the link", || !server.world().hellos.is_empty()).await;
    let (answer, code, _) = check(&device).await;
    assert_eq!(code, Some(0));
    assert!(answer.is_config_good && answer.is_server_reached && !answer.is_server_busy);
    assert_eq!((answer.os, answer.arch), (agent::machine::OS, agent::machine::ARCH));
    assert_eq!((answer.config_schema, answer.spool_schema), (agent::config::VERSION, agent::spool::SCHEMA));
    let root = open_root(&Keys::new().root()).unwrap();
    let device_id = *server.world().devices.keys().next().unwrap();
    let receipt = open_receipt(&root, &answer.receipt.unwrap(), NONCE, device_id).unwrap();
    assert_eq!(receipt.build_id, answer.running.build_id);
    running.stop().await;
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_apart() {
    let mut server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    server.world().releases.busy = Some(1);
    let (answer, code, _) = check(&device).await;
    assert_eq!(code, Some(1));
    assert!(answer.is_config_good && answer.is_server_reached && answer.is_server_busy);
    server.vanish().await;
    let (answer, code, took) = check(&device).await;
    assert_eq!(code, Some(1));
    assert!(answer.is_config_good && !answer.is_server_reached && answer.receipt.is_none());
    assert!(took < Duration::from_secs(30), "{took:?}");
    let config = device.data().join("config.json");
    let before = fs::read_to_string(&config).unwrap();
    fs::write(&config, before.replace("\"log_files\"", "\"log_fils\"")).unwrap();
    let damaged = fs::read(&config).unwrap();
    let (answer, code, _) = check(&device).await;
    assert_eq!((answer.is_config_good, code), (false, Some(1)));
    assert_eq!(fs::read(&config).unwrap(), damaged, "nothing is written");
}

/// As when a release goes back to an earlier program.
#[tokio::test]
async fn a_program_from_before_a_migration_says_whether_it_could_work() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let (config, former) = (device.data().join("config.json"), device.data().join("config.v2.json"));
    let before = fs::read_to_string(&config).unwrap();
    let later = before.replace("\"config_version\": 2", "\"config_version\": 3, \"later\": true");
    assert_ne!(later, before);
    fs::write(&config, &later).unwrap();
    let (answer, code, _) = check(&device).await;
    assert_eq!((answer.is_config_good, code), (false, Some(1)));
    fs::write(&former, &before).unwrap();
    let (answer, code, _) = check(&device).await;
    assert_eq!((answer.is_config_good, answer.is_server_reached, code), (true, true, Some(0)));
    assert_eq!(fs::read_to_string(&config).unwrap(), later, "nothing is written");
    assert_eq!(fs::read_to_string(&former).unwrap(), before);
}

#[tokio::test]
async fn a_server_that_says_nothing_does_not_hold_it_up() {
    let mut server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    server.vanish().await;
    let silent = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            kept.push(stream);
        }
    });
    let (answer, code, took) = check(&device).await;
    assert!(answer.is_config_good && !answer.is_server_reached && code == Some(1));
    assert!(took < Duration::from_secs(30), "{took:?}");
}
