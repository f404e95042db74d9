//! Whole updates: the real supervisor, real agents that differ in their stamps, real signatures, a server that grants.

use crate::support::{Machine, eventually, program, stamp, stamped, updater};
use entity::update::UpdateState;
use std::fs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_takes_the_place_of_the_one_before_and_stays() {
    let Some(updater) = updater() else { return };
    let machine = Machine::start(&updater).await;
    let new = stamped(&program(), &stamp(2));
    let last = machine.update(2, new.clone(), new).await;
    assert_eq!(last.state, UpdateState::Confirmed, "{last:?}\n{}", machine.said());
    assert_eq!((last.running.seq, machine.runs()), (2, Some(2)));
    assert_eq!(machine.slots().len(), 1);
    let states = machine.server.world().releases.states();
    let way = ["accepted", "downloading", "staged", "switched", "confirmed"];
    assert!(way.iter().all(|state| states.contains(state)), "{states:?}");
    let gap_ms = last.gap_ms.expect("it was measured");
    eprintln!("agent gap: {gap_ms} ms");
    assert!(gap_ms < 10_000, "{gap_ms} ms");
    let status = machine.device.status().await;
    assert!(status.contains("release 2") && status.contains("in slot 2-"), "{status}");
    let world = machine.server.world();
    assert_eq!(world.hellos.len(), 2, "one agent before, one after");
    assert!(world.errors.is_empty(), "{:?}", world.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_cannot_work_never_takes_the_place_of_one_that_does() {
    let Some(updater) = updater() else { return };
    let machine = Machine::start(&updater).await;
    // A program, for this machine, with a right stamp and signature: it just is no agent.
    let mut other = fs::read("/bin/false").unwrap();
    other.extend_from_slice(&stamp(2).bytes().unwrap());
    let last = machine.update(2, other.clone(), other).await;
    assert_eq!(last.state, UpdateState::FailedPre, "{last:?}");
    assert_eq!(last.reason.map(entity::release::Reason::word), Some("probe_failed"));

    let (good, mut tampered) = (stamped(&program(), &stamp(3)), stamped(&program(), &stamp(3)));
    *tampered.last_mut().unwrap() ^= 1;
    let last = machine.update(3, good, tampered).await;
    assert_eq!(last.state, UpdateState::FailedPre, "{last:?}");
    assert_eq!(last.reason.map(entity::release::Reason::word), Some("hash_mismatch"));
    assert_eq!((machine.hellos(), machine.runs()), (1, Some(1)), "the old one was never stopped");
    assert!(machine.slots().is_empty(), "{:?}", machine.slots());
    eventually("the report", || {
        machine.server.world().errors.iter().any(|error| {
            error.error_type == "update_checksum_mismatch" && error.failed_version.as_deref() == Some("9.3.0")
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_the_server_hears_no_more_is_taken_back() {
    let Some(updater) = updater() else { return };
    let machine = Machine::start(&updater).await;
    // One for the question beforehand, none when it runs.
    machine.server.world().releases.receipts_left.insert("build-2".to_owned(), 1);
    let new = stamped(&program(), &stamp(2));
    let last = machine.update(2, new.clone(), new).await;
    assert_eq!(last.state, UpdateState::RolledBack, "{last:?}\n{}", machine.said());
    assert_eq!(last.reason.map(entity::release::Reason::word), Some("cannot_reach_server"));
    eventually("the one before", || machine.runs() == Some(1)).await;
    eventually("the report", || {
        machine.server.world().errors.iter().any(|error| {
            error.error_type == "update_rolled_back" && error.failed_version.as_deref() == Some("9.2.0")
        })
    })
    .await;
}
