//! A bad network between a device and its server during an update, one kind of fault at a time: the update ends well,
//! or before the change; it never takes a good build back.

use super::Scene;
use crate::support::{
    fault_proxy::{Fault, FaultProxy},
    world::Engine,
};
use entity::update::UpdateState;
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// As often as it is asked.
const ALWAYS: u32 = u32::MAX;
/// Paths of files, and of what is signed for a build that was heard.
const FILE: &str = "/artifacts/";
const RECEIPT: &str = "/receipt";
const MEGABYTE: usize = 1_000_000;

/// What happens, to which answers, how often.
type Case = (&'static str, Fault, &'static str, u32);

/// An update for each fault; all of them are kept.
async fn outlives(cases: &[Case]) {
    let proxy = FaultProxy::start().await;
    let scene = Scene::behind(Engine::Sqlite, Some(&proxy)).await;
    for (seq, (what, fault, path, times)) in (2..).zip(cases.iter().copied()) {
        let release = scene.bring(&scene.programs.agent, seq).await;
        proxy.spoil(fault, path, times);
        scene.roll_out(release, json!({})).await;
        let update = scene.update(seq, UpdateState::is_terminal).await;
        let hits = proxy.mend();
        eprintln!("{what}: {hits} answers, {}, gap {:?} ms", update.state.word(), update.gap_ms);
        assert!(hits > 0, "{what}: nothing was spoiled");
        assert!(ended_well(update.state), "{what}: {update:?}\n{}", scene.machine.said());
    }
    never_taken_back(&scene).await;
    scene.stop().await;
}

/// What came to nothing before the change may have been granted once more since, and be good then.
fn ended_well(state: UpdateState) -> bool {
    matches!(state, UpdateState::FailedPre | UpdateState::Confirmed)
}

async fn never_taken_back(scene: &Scene) {
    let updates = scene.updates().await;
    assert!(updates.iter().all(|update| !update.state.is_bad()), "{updates:?}");
    assert!(!scene.machine.said().contains("has to be taken back"), "{}", scene.machine.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_outlives_a_network_that_is_slow_and_breaks_off() {
    outlives(&[
        ("everything late", Fault::Delay(Duration::from_millis(300)), "/api/", ALWAYS),
        ("the file cut off", Fault::Cut(3 * MEGABYTE), FILE, 3),
        ("the file slowly", Fault::Slow(15 * MEGABYTE), FILE, 1),
        ("receipts cut off", Fault::Cut(30), RECEIPT, 3),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_outlives_answers_that_are_not_the_servers() {
    outlives(&[
        ("a page for the file", Fault::Page, FILE, 2),
        ("a shorter file", Fault::Truncate(MEGABYTE), FILE, 2),
        ("too many questions for the file", Fault::Busy(429), FILE, 2),
        ("no time for receipts", Fault::Busy(503), RECEIPT, 5),
        ("a page for a receipt", Fault::Page, RECEIPT, 3),
        ("a receipt with another byte", Fault::Flip(60), RECEIPT, 2),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_or_a_server_that_goes_away_on_trial_takes_nothing_back() {
    let proxy = FaultProxy::start().await;
    let scene = Scene::behind(Engine::Sqlite, Some(&proxy)).await;
    for (seq, what) in [(2, "the network away"), (3, "a server without time")] {
        let release = scene.bring(&scene.programs.agent, seq).await;
        scene.roll_out(release, json!({})).await;
        scene.update(seq, |state| state == UpdateState::Switched).await;
        // Longer than a build has to reach its server.
        if seq == 2 {
            proxy.set_away(true);
            sleep(Duration::from_secs(10)).await;
            proxy.set_away(false);
        } else {
            proxy.spoil(Fault::Busy(503), RECEIPT, 8);
        }
        let update = scene.update(seq, UpdateState::is_terminal).await;
        proxy.mend();
        eprintln!("{what}, on trial: {}, gap {:?} ms", update.state.word(), update.gap_ms);
        assert_eq!(update.state, UpdateState::Confirmed, "{what}: {update:?}\n{}", scene.machine.said());
        scene.machine.connected().await;
    }
    never_taken_back(&scene).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_another_byte_comes_to_nothing_before_the_change() {
    let proxy = FaultProxy::start().await;
    let scene = Scene::behind(Engine::Sqlite, Some(&proxy)).await;
    let release = scene.bring(&scene.programs.agent, 2).await;
    proxy.spoil(Fault::Flip(MEGABYTE), FILE, 1);
    scene.roll_out(release, json!({})).await;
    let update = scene.update(2, ended_well).await;
    assert_eq!(proxy.mend(), 1, "{update:?}");
    assert!(scene.machine.said().contains("hash_mismatch"), "{update:?}\n{}", scene.machine.said());
    never_taken_back(&scene).await;
    scene.stop().await;
}
