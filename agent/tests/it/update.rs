//! Updates as the agent has to do with them: the test is its supervisor, over the real pipes.

use crate::support::{Device, Due, FakeServer, Keys, NONCE, Supervisor, digest, eventually};
use chrono::Utc;
use entity::{
    agent_state::AgentState,
    presence::LinkKind,
    release::{Reason, open_receipt, open_root, open_timestamp, stamp::Stamp},
    update::{UpdateAnswer, UpdateRequired, UpdateState, UpdateStatus},
    wire::ToAgent as FromServer,
};
use std::{fs, time::Duration};
use tokio::time::sleep;
use updater::channel::{Beat, ToAgent, ToSupervisor};

/// A program that nobody runs.
fn program() -> Vec<u8> {
    (0..200_000_u32).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect()
}

fn built(seq: u64) -> Stamp {
    Stamp { version: format!("9.{seq}.0"), seq, build_id: format!("build-{seq}"), build_time: None }
}

/// A server with a release, which speaks the present protocol, and a device that trusts its root.
async fn world() -> (FakeServer, Device, Due) {
    let server = FakeServer::start().await;
    let due = Keys::new().release(&built(2), &program());
    {
        let mut world = server.world();
        world.protocol = 4;
        world.releases.root = Some(Keys::new().root());
        world.releases.publish(due.clone(), program());
    }
    let device = Device::registered(&server).await;
    (server, device, due)
}

fn hint(due: &Due) -> FromServer {
    FromServer::UpdateRequired(UpdateRequired {
        new_version: due.version.clone(),
        seq: due.seq,
        within_seconds: 0,
    })
}

fn beat(said: &ToSupervisor) -> Option<Beat> {
    if let ToSupervisor::Beat(beat) = said { Some(beat.clone()) } else { None }
}

fn offer(said: &ToSupervisor) -> Option<UpdateAnswer> {
    if let ToSupervisor::Offer { answer } = said { Some((**answer).clone()) } else { None }
}

fn status(due: &Due, step: u32, state: UpdateState, supervisor: &Supervisor) -> ToAgent {
    ToAgent::Status(Box::new(UpdateStatus {
        update_id: due.update_id,
        step,
        state,
        running: supervisor.build(),
        seq: due.seq,
        reason: None,
        detail: String::new(),
        downloaded_bytes: None,
        gap_ms: None,
        log_lines: Vec::new(),
        at: Utc::now(),
    }))
}

/// Up to the offer, as a hint of the server's brings it about.
async fn offered(server: &FakeServer, supervisor: &mut Supervisor, due: &Due) -> UpdateAnswer {
    eventually("the link", || !server.world().hellos.is_empty()).await;
    server.world().push(&hint(due));
    supervisor.answer_question(1, 1).await;
    supervisor.until("the offer", offer).await
}

#[tokio::test]
async fn an_agent_says_what_it_is_and_shows_that_it_works() {
    let (server, device, _) = world().await;
    let mut supervisor = Supervisor::welcomed(&device, Some(1)).await;
    assert!(supervisor.build().is_supervised && supervisor.build().sha256.is_none());
    let root = supervisor
        .until("the root", |said| match said {
            ToSupervisor::Root { root, replace } => Some((root.clone(), *replace)),
            _ => None,
        })
        .await;
    let told = server.world().releases.root.clone();
    assert_eq!((Some(root.0), root.1), (told, false));
    eventually("the hello", || !server.world().hellos.is_empty()).await;
    let running = server.world().hellos[0].1.running.clone().expect("it says what runs");
    assert_eq!((running.sha256, running.is_supervised), (Some(digest()), true));
    let works = |said: &ToSupervisor| {
        beat(said).filter(|beat| {
            beat.samples > 0
                && beat.batches_acked > 0
                && beat.silent_collectors.is_empty()
                && beat.is_spool_good
        })
    };
    supervisor.until("a beat of an agent that works", works).await;
    let receipt = supervisor
        .until("a receipt", |said| match said {
            ToSupervisor::Receipt { receipt } => Some(receipt.clone()),
            _ => None,
        })
        .await;
    let device_id = *server.world().devices.keys().next().unwrap();
    let root = open_root(&Keys::new().root()).unwrap();
    let receipt = open_receipt(&root, &receipt, NONCE, device_id).expect("as the server signed it");
    assert_eq!(receipt.build_id, supervisor.build().build_id);
    supervisor.say(&ToAgent::Receipts { every_seconds: None }).await;
    sleep(Duration::from_millis(500)).await;
    let asked = server.world().releases.receipts.len();
    sleep(Duration::from_millis(2_500)).await;
    assert_eq!(server.world().releases.receipts.len(), asked, "none is wanted any more");
    let said = device.status().await;
    assert!(said.contains("no release") && said.contains("supervised"), "{said}");
    let doctor = String::from_utf8(device.output(&["doctor"]).await.stdout).unwrap();
    for name in ["release root", "supervised", "update folder", "releases"] {
        assert!(doctor.contains(name), "{name}: {doctor}");
    }
    assert!(supervisor.close().await.success(), "the end of its input ends it in order");
    let log = fs::read_to_string(device.data().join("logs/agent.log")).unwrap();
    assert!(log.contains("Shutdown complete"), "{log}");
}

#[tokio::test]
async fn an_update_goes_from_the_hint_to_the_last_word() {
    let (server, device, due) = world().await;
    server.world().releases.cut = Some(70_000);
    let mut supervisor = Supervisor::welcomed(&device, None).await;
    let answer = offered(&server, &mut supervisor, &due).await;
    assert_eq!((answer.checksum.clone(), answer.seq), (due.sha256.clone(), 2));
    let device_id = *server.world().devices.keys().next().unwrap();
    let root = open_root(&Keys::new().root()).unwrap();
    let timestamp = open_timestamp(&root, answer.trust.timestamp.as_deref().unwrap(), NONCE, device_id);
    assert_eq!(timestamp.unwrap().seq, 2, "the answer as it came");
    let question = server.world().releases.questions[0].clone();
    assert_eq!((question.highest_seq, question.root_version, question.nonce.as_deref()), (1, 1, Some(NONCE)));

    supervisor.say(&status(&due, 1, UpdateState::Accepted, &supervisor)).await;
    let size_bytes = program().len() as u64;
    supervisor.say(&ToAgent::Fetch { sha256: due.sha256.clone(), size_bytes }).await;
    let fetched = |said: &ToSupervisor| match said {
        ToSupervisor::Fetched { sha256 } => Some(Ok(sha256.clone())),
        ToSupervisor::NotFetched { reason, detail, .. } => Some(Err((*reason, detail.clone()))),
        _ => None,
    };
    assert_eq!(supervisor.until("the file", fetched).await, Ok(due.sha256.clone()));
    let part = supervisor.staging().join(format!("{}.part", due.sha256));
    assert_eq!(fs::read(part).unwrap(), program());
    let from = server.world().releases.fetched_from.clone();
    assert_eq!(from, [0, 70_000], "what was cut off is gone on with");

    supervisor.say(&status(&due, 2, UpdateState::Staged, &supervisor)).await;
    supervisor.say(&ToAgent::AskGo { update_id: due.update_id }).await;
    let go = |said: &ToSupervisor| match said {
        ToSupervisor::Go { go, .. } => Some(*go),
        _ => None,
    };
    assert_eq!(supervisor.until("the last word", go).await, Some(true));
    supervisor.say(&ToAgent::Quiesce).await;
    supervisor.until("quiet", |said| matches!(said, ToSupervisor::Quiesced).then_some(())).await;
    let stored: Vec<u32> = supervisor
        .heard
        .iter()
        .filter_map(|said| match said {
            ToSupervisor::StatusStored { step, .. } => Some(*step),
            _ => None,
        })
        .collect();
    assert_eq!(stored, [1, 2]);
    assert!(supervisor.close().await.success());
    let world = server.world();
    assert_eq!(world.releases.states(), ["accepted", "staged"]);
    let told = &world.agent_states;
    let way = [
        AgentState::Idle,
        AgentState::UpdatingStarting,
        AgentState::UpdatingDownloading,
        AgentState::UpdatingVerifying,
        AgentState::UpdatingPreparingShutdown,
        AgentState::ShuttingDown,
    ];
    assert_eq!(told[..], way, "each step is told, in order");
}

#[tokio::test]
async fn a_trigger_at_a_bad_time_is_kept_until_the_agent_is_idle() {
    let (server, device, due) = world().await;
    let mut supervisor = Supervisor::welcomed(&device, None).await;
    offered(&server, &mut supervisor, &due).await;
    server.world().push(&hint(&due));
    let asks = |said: &ToSupervisor| matches!(said, ToSupervisor::Ask);
    assert!(!supervisor.hears_within(Duration::from_secs(3), asks).await, "one update at a time");
    let forced = device.output(&["--force"]).await;
    assert_eq!(forced.status.code(), Some(10), "and nothing restarts an agent that is being updated");
    let failed = ToAgent::Failed {
        reason: Reason::ThresholdUnmet,
        detail: "one signature too few".to_owned(),
        version: due.version.clone(),
    };
    supervisor.say(&failed).await;
    supervisor.answer_question(1, 1).await;
    supervisor.until("the second offer", offer).await;
    eventually("the report", || {
        server.world().errors.iter().any(|error| {
            error.error_type == "update_signature_invalid" && error.failed_version.as_deref() == Some("9.2.0")
        })
    })
    .await;
    assert!(server.world().agent_states.contains(&AgentState::Idle));
    assert!(supervisor.close().await.success());
}

#[tokio::test]
async fn a_server_without_time_or_without_news_changes_nothing() {
    let (server, device, due) = world().await;
    server.world().releases.busy = Some(1);
    let mut supervisor = Supervisor::welcomed(&device, None).await;
    eventually("the link", || !server.world().hellos.is_empty()).await;
    server.world().push(&hint(&due));
    supervisor.answer_question(1, 1).await;
    let busy = |said: &ToSupervisor| beat(said).filter(|beat| beat.is_server_busy);
    supervisor.until("a beat that says so", busy).await;
    supervisor.say(&ToAgent::AskGo { update_id: due.update_id }).await;
    let go = |said: &ToSupervisor| match said {
        ToSupervisor::Go { go, .. } => Some(*go),
        _ => None,
    };
    assert_eq!(supervisor.until("an answer all the same", go).await, None);
    supervisor
        .say(&ToAgent::Failed { reason: Reason::NoGo, detail: String::new(), version: due.version.clone() })
        .await;
    server.world().releases.busy = None;
    server.world().push(&hint(&due));
    supervisor.answer_question(2, 1).await;
    let fresh = |said: &ToSupervisor| match said {
        ToSupervisor::Fresh { trust } => Some(trust.clone()),
        _ => None,
    };
    let trust = supervisor.until("that nothing is due", fresh).await;
    assert!(trust.timestamp.is_some() && trust.manifest.is_some());
    assert!(server.world().errors.iter().all(|error| !error.error_type.starts_with("update_")));
    assert!(supervisor.close().await.success());
}

#[tokio::test]
async fn nothing_is_lost_when_everything_is_put_away_without_a_server() {
    let (mut server, device, _) = world().await;
    let mut supervisor = Supervisor::welcomed(&device, None).await;
    eventually("samples", || server.world().samples.len() >= 2).await;
    server.vanish().await;
    sleep(Duration::from_millis(2_500)).await;
    supervisor.say(&ToAgent::Quiesce).await;
    supervisor.until("quiet", |said| matches!(said, ToSupervisor::Quiesced).then_some(())).await;
    assert!(supervisor.close().await.success());
    let waiting = device.spooled();
    assert!(waiting.len() >= 2, "{waiting:?}");
    server.come_back().await;
    let running = device.run();
    eventually("all of them", || {
        let world = server.world();
        waiting.iter().all(|at| world.samples.contains_key(at))
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_rollback_is_told_with_the_last_lines_of_the_build() {
    let (server, device, due) = world().await;
    server.world().block_sockets = true;
    let mut supervisor = Supervisor::welcomed(&device, None).await;
    eventually("polling", || server.world().heartbeats(LinkKind::Polling) > 0).await;
    let ToAgent::Status(mut rolled_back) = status(&due, 7, UpdateState::RolledBack, &supervisor) else {
        panic!("a status")
    };
    rolled_back.reason = Some(Reason::Crashed);
    rolled_back.log_lines = vec!["thread main panicked".to_owned(), "x".repeat(400)];
    rolled_back.log_lines.extend((0..60).map(|_| "y".repeat(400)));
    rolled_back.log_lines.push("the very last line".to_owned());
    supervisor.say(&ToAgent::Status(rolled_back)).await;
    let failed = ToAgent::Failed {
        reason: Reason::Crashed,
        detail: "it ended three times".to_owned(),
        version: due.version.clone(),
    };
    supervisor.say(&failed).await;
    supervisor
        .until("that it is stored", |said| {
            matches!(said, ToSupervisor::StatusStored { step: 7, .. }).then_some(())
        })
        .await;
    assert_eq!(
        server.world().releases.statuses[0].log_lines.len(),
        63,
        "over HTTP while sockets are blocked"
    );
    eventually("the report", || {
        server.world().errors.iter().any(|error| {
            error.error_type == "update_rolled_back"
                && error.failed_version.as_deref() == Some("9.2.0")
                && error.log_snippet.as_deref().is_some_and(|lines| lines.ends_with("the very last line"))
        })
    })
    .await;
    let said = device.status().await;
    assert!(said.contains("ended too often"), "{said}");
    assert!(supervisor.close().await.success());
}

#[tokio::test]
async fn an_administrator_can_give_a_root_and_nothing_else_does() {
    let (_server, device, _) = world().await;
    let mut supervisor = Supervisor::welcomed(&device, None).await;
    let first = |said: &ToSupervisor| matches!(said, ToSupervisor::Root { replace: false, .. }).then_some(());
    supervisor.until("the root of the registration", first).await;
    supervisor.say(&ToAgent::RootTaken { version: 1, refused: None }).await;
    let file = device.data().join("../root.json");
    fs::write(&file, Keys::new().root().replace("\"signatures\":[", "\"signatures\": [")).unwrap();
    let file = file.to_str().unwrap().to_owned();
    let shown = String::from_utf8(device.output(&["trust", "show"]).await.stdout).unwrap();
    assert!(shown.contains("version 1") && shown.contains("Fingerprint "), "{shown}");
    let words = ["trust", "root", &file, "--replace"];
    let giving = device.output(&words);
    let taking = async {
        let given = |said: &ToSupervisor| match said {
            ToSupervisor::Root { root, replace: true } => Some(root.clone()),
            _ => None,
        };
        let root = supervisor.until("the root", given).await;
        supervisor.say(&ToAgent::RootTaken { version: 1, refused: None }).await;
        root
    };
    let (given, root) = tokio::join!(giving, taking);
    let said = String::from_utf8_lossy(&given.stdout).into_owned();
    assert!(given.status.success() && said.contains("trusts root 1"), "{said}");
    assert_eq!(fs::read_to_string(device.data().join("release-root.json")).unwrap(), root);
    let refused = device.output(&["trust", "root", "/dev/null"]).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(supervisor.close().await.success());
}

#[tokio::test]
async fn an_agent_without_a_supervisor_says_that_it_is_not_updated() {
    let (server, device, due) = world().await;
    let running = device.run();
    eventually("the link", || !server.world().hellos.is_empty()).await;
    assert!(!server.world().hellos[0].1.running.as_ref().unwrap().is_supervised);
    server.world().push(&hint(&due));
    eventually("the status", || true).await;
    let said = device.status().await;
    assert!(said.contains("it is not updated"), "{said}");
    sleep(Duration::from_millis(300)).await;
    assert!(server.world().releases.questions.is_empty());
    running.stop().await;
}
