//! The real agent follows real files: rotated, cut off, hostile, over a crash and over either link.

use crate::support::{Device, FakeServer, eventually};
use entity::{
    log_entry::LogSources,
    wire::{Settings, ToAgent},
};
use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
};
use tempfile::TempDir;

/// A server that takes logs, and a folder of logs that it names.
async fn begun() -> (FakeServer, Device, TempDir) {
    let logs = tempfile::tempdir().unwrap();
    let server = FakeServer::start().await;
    server.world().protocol = 2;
    server.world().settings = Settings { log_sources: sources(logs.path(), 0), ..quiet() };
    let device = Device::registered(&server).await;
    (server, device, logs)
}

fn quiet() -> Settings {
    Settings { metrics_interval_seconds: 3_600, inventory_interval_seconds: 86_400, ..Settings::default() }
}

/// The logs, and a path that is another one each time, so that the agent looks at once.
fn sources(logs: &Path, turn: u32) -> LogSources {
    let files = [format!("{}/*.log", logs.display()), format!("{}/turn-{turn}", logs.display())];
    LogSources { system_log: false, files: files.into() }
}

fn write(logs: &Path, name: &str, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(logs.join(name)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Lets the agent look now.
fn look(server: &FakeServer, logs: &Path, turn: u32) {
    let settings = Settings { log_sources: sources(logs, turn), ..quiet() };
    server.world().settings = settings.clone();
    server.world().push(&ToAgent::Config { settings });
}

/// How far the agent says that it has read.
fn reading(device: &Device) -> String {
    fs::read_to_string(device.data().join("log_tail.json")).unwrap_or_default()
}

#[tokio::test]
async fn lines_come_once_through_rotation_and_a_crash_and_nothing_hostile_is_read() {
    let (server, device, folder) = begun().await;
    let logs = folder.path();
    write(logs, "app.log", "ERROR before anybody asked\n");
    rustix::fs::mknodat(rustix::fs::CWD, logs.join("pipe.log"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    std::os::unix::fs::symlink("/dev/zero", logs.join("zero.log")).unwrap();
    let running = device.run();
    eventually("the first look", || reading(&device).contains("app.log")).await;
    fs::write(device.data().join("own.log"), "ERROR in the agent's own folder\n").unwrap();
    std::os::unix::fs::symlink(device.data().join("own.log"), logs.join("own.log")).unwrap();

    write(logs, "app.log", "2026-11-21T12:00:00Z ERROR one\nINFO nothing\nERROR two");
    fs::rename(logs.join("app.log"), logs.join("app.log.1")).unwrap();
    write(logs, "app.log", "WARN three\n\u{1b}[31mERROR\u{1b}[0m four \u{fffd}\n");
    look(&server, logs, 1);
    let expected = [
        "2026-11-21T12:00:00Z ERROR one",
        "ERROR two",
        "WARN three",
        "\u{1b}[31mERROR\u{1b}[0m four \u{fffd}",
    ];
    eventually("four lines", || server.world().logs.len() >= 4).await;
    assert_eq!(server.world().log_messages(), expected);
    eventually("the place of the last one", || reading(&device).contains("\"to\"")).await;

    running.kill().await;
    write(logs, "app.log", "CRITICAL five\n");
    fs::copy(logs.join("app.log"), logs.join("app.log.2")).unwrap();
    fs::write(logs.join("app.log"), "ERROR six\n").unwrap();
    let running = device.run();
    eventually("two more lines", || server.world().logs.len() >= 6).await;
    assert_eq!(server.world().log_messages()[4..], ["CRITICAL five", "ERROR six"]);
    assert!(running.stop().await.success());
    let world = server.world();
    assert_eq!(world.logs.len(), 6);
    let positions: Vec<_> = world.logs.keys().collect();
    assert!(positions.is_sorted(), "numbers only grow");
}

#[tokio::test]
async fn lines_wait_out_an_outage_and_go_over_http_too() {
    let (mut server, device, folder) = begun().await;
    let logs = folder.path();
    write(logs, "app.log", "");
    let running = device.run();
    eventually("the first look", || reading(&device).contains("app.log")).await;
    server.world().keep_acks = true;
    write(logs, "app.log", "ERROR one\n");
    look(&server, logs, 1);
    eventually("the line", || server.world().logs.len() == 1).await;
    server.vanish().await;
    running.kill().await;
    write(logs, "app.log", "ERROR two\n");
    let running = device.run();
    server.world().keep_acks = false;
    server.world().block_sockets = true;
    server.come_back().await;
    eventually("both lines", || server.world().logs.len() == 2).await;
    assert_eq!(server.world().log_messages(), ["ERROR one", "ERROR two"]);
    assert!(running.stop().await.success());
}

#[tokio::test]
async fn a_server_of_before_gets_no_logs_and_loses_none() {
    let (server, device, folder) = begun().await;
    let logs = folder.path();
    server.world().protocol = 1;
    write(logs, "app.log", "");
    let running = device.run();
    eventually("the first look", || reading(&device).contains("app.log")).await;
    write(logs, "app.log", "ERROR one\n");
    look(&server, logs, 1);
    eventually("the line in the spool", || reading(&device).contains("\"before\":{")).await;
    assert!(running.stop().await.success());
    assert!(server.world().logs.is_empty());
    server.world().protocol = 2;
    let running = device.run();
    eventually("the line", || server.world().log_messages() == ["ERROR one"]).await;
    assert!(running.stop().await.success());
}
