//! Error reports from the agent's process to the server: kept, counted, sent once, whatever happens in between.

use crate::support::{Device, FakeServer, eventually};
use serde_json::{Value, json};
use std::{collections::HashSet, fs, process::Stdio, time::Duration};

/// Where a test that is started by another one keeps its files.
const CHILD: &str = "REEVE_TEST_PANICS_IN";

fn waiting(device: &Device) -> Vec<Value> {
    let text = fs::read_to_string(device.data().join("error_reports.jsonl")).unwrap_or_default();
    // One line may be damaged on purpose.
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn line(message: &str) -> String {
    let report = json!({
        "report_id": uuid::Uuid::from_bytes(*b"0123456789abcdef"),
        "agent_id": uuid::Uuid::nil(),
        "error_type": "update_download_failed",
        "error_message": message,
        "timestamp": "2026-11-21T00:00:00Z",
        "count": 3,
        "agent_version": "0.1.0",
        "failed_version": "9.9.9",
    });
    format!("{report}\n")
}

#[tokio::test]
async fn what_waits_is_sent_once_the_server_takes_it_and_not_again() {
    let mut server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    fs::write(device.data().join("error_reports.jsonl"), line("it was cut off") + "{\"half\n").unwrap();
    server.vanish().await;
    let running = device.run();
    eventually("the damaged line is a report", || waiting(&device).len() == 2).await;
    running.kill().await;
    assert_eq!(waiting(&device).len(), 2, "a crash takes nothing");

    server.world().refuse_errors = 1;
    server.come_back().await;
    let running = device.run();
    eventually("both in the server", || server.world().errors.len() == 2).await;
    eventually("none waits", || waiting(&device).is_empty()).await;
    {
        let world = server.world();
        let of = |kind: &str| world.errors.iter().find(|report| report.error_type == kind).unwrap();
        let former = of("update_download_failed");
        assert_eq!((former.error_message.as_str(), former.count), ("it was cut off", 3));
        assert_eq!(former.failed_version.as_deref(), Some("9.9.9"));
        assert!(world.devices.contains_key(&former.agent_id), "named when it is sent");
        assert_eq!(of("storage_damaged").details["lines"], 1);
        let ids: HashSet<_> = world.errors.iter().map(|report| report.report_id).collect();
        assert_eq!(ids.len(), 2);
    }
    assert!(running.stop().await.success());
    let running = device.run();
    eventually("another hello", || server.world().hellos.len() >= 2).await;
    assert!(running.stop().await.success());
    assert_eq!(server.world().errors.len(), 2);
}

#[tokio::test]
async fn reports_wait_for_the_server_and_go_when_it_is_back() {
    let mut server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let running = device.run();
    eventually("samples", || !server.world().samples.is_empty()).await;
    server.vanish().await;
    running.kill().await;
    fs::write(device.data().join("error_reports.jsonl"), line("during an outage")).unwrap();
    let running = device.run();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(waiting(&device).len(), 1);
    server.come_back().await;
    eventually("the report", || server.world().errors.len() == 1).await;
    assert!(running.stop().await.success());
}

/// Started by the test after this one: a process that fails in a way nobody thought of.
#[test]
fn the_process_that_panics() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let paths = agent::paths::Paths::under(folder);
    let _log = agent::log::start(&paths, agent::log::Choice::default());
    agent::error_report::report_panics();
    agent::error_report::open(&paths);
    for _ in 0..3 {
        let failed = std::thread::spawn(|| panic!("nobody thought of AGT-0123456789abcdef")).join();
        assert!(failed.is_err());
    }
    agent::error_report::flush();
}

#[tokio::test]
async fn a_panic_is_a_report_with_its_place_and_without_secrets() {
    let device = Device::new();
    let status = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "error_report::the_process_that_panics"])
        .env(CHILD, device.data())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(tokio::time::timeout(Duration::from_secs(30), status).await.expect("it ends").unwrap().success());
    let reports = waiting(&device);
    assert_eq!(reports.len(), 1, "{reports:?}");
    let report = &reports[0];
    assert_eq!(
        (report["error_type"].as_str(), report["count"].as_u64()),
        (Some("unhandled_exception"), Some(3))
    );
    assert!(report["details"]["place"].as_str().unwrap().contains("error_report.rs"));
    assert!(report["log_snippet"].as_str().unwrap().contains("unexpected failure"));
    let log = fs::read_to_string(device.data().join("logs/agent.log")).unwrap();
    assert!(log.contains("FATAL") && log.contains("nobody thought of"));
    for text in [log, reports[0].to_string()] {
        assert!(!text.contains("0123456789abcdef"), "{text}");
    }
}
