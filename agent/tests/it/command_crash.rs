//! The agent is killed at every step of a command: nothing is done twice, nothing is left running, nothing goes without
//! an answer.
#![cfg(target_os = "linux")]

use crate::{
    command::{Place, entry, processes},
    support::{eventually, script},
};
use entity::{
    command::{ChainEvent, Payload, ResultStatus},
    wire::ToAgent,
};
use std::{fs, path::Path};

fn count(path: &Path) -> usize {
    fs::read_to_string(path).unwrap_or_default().lines().count()
}

fn counting(path: &Path, then: &str) -> Payload {
    script(&format!("echo x >> {}; {then}", path.display()))
}

#[tokio::test]
async fn killed_while_it_runs_it_is_interrupted_and_what_waited_is_done() {
    let mut place = Place::new().await;
    let (first, second) = (place.device.data().join("first"), place.device.data().join("second"));
    let hangs = counting(&first, "setsid sleep 30051 & sleep 30051");
    let waits = counting(&second, "true");
    place.arm(&[entry(&hangs), entry(&waits)]).await;
    let (begun, queued) = (place.order(hangs), place.order(waits));
    place.send(&begun);
    eventually("it runs", || processes("30051") == 2).await;
    place.send(&queued);
    eventually("the other is on the disk", || {
        place.device.data().join(format!("commands/{}.jsonl", queued.command_id)).exists()
    })
    .await;
    place.kill().await;
    eventually("nothing of it is left", || processes("30051") == 0).await;
    place.start().await;
    let interrupted = place.result(&begun).await;
    assert_eq!(interrupted.status, ResultStatus::Interrupted, "{}", interrupted.detail);
    assert_eq!(place.result(&queued).await.status, ResultStatus::Completed);
    place.send(&begun);
    eventually("the stored result", || place.results(begun.command_id).len() > 1).await;
    assert_eq!(place.results(begun.command_id)[1], interrupted);
    assert_eq!((count(&first), count(&second)), (1, 1));
    eventually("the record", || place.events(queued.command_id).contains(&ChainEvent::Done)).await;
    assert_eq!(
        place.events(begun.command_id),
        [ChainEvent::Received, ChainEvent::Started, ChainEvent::Interrupted]
    );
    place.chain_is_whole();
}

#[tokio::test]
async fn killed_before_the_server_has_the_result_it_is_told_again() {
    let mut place = Place::new().await;
    place.server.world().keep_command_acks = true;
    let file = place.device.data().join("count");
    let payload = counting(&file, "echo told");
    place.arm(&[entry(&payload)]).await;
    let order = place.order(payload);
    place.send(&order);
    let first = place.result(&order).await;
    for _ in 0..3 {
        let before = place.results(order.command_id).len();
        place.kill().await;
        place.start().await;
        place.send(&order);
        eventually("the result", || place.results(order.command_id).len() > before).await;
    }
    place.server.world().keep_command_acks = false;
    place.kill().await;
    place.start().await;
    let path = place.device.data().join(format!("commands/{}.jsonl", order.command_id));
    eventually("a mark that it is over", || fs::read_to_string(&path).unwrap().contains("\"over\"")).await;
    assert!(place.results(order.command_id).iter().all(|result| *result == first));
    assert_eq!(count(&file), 1);
    eventually("the record", || place.events(order.command_id).contains(&ChainEvent::Done)).await;
    place.chain_is_whole();
}

#[tokio::test]
async fn killed_at_any_moment_each_command_has_one_effect_and_one_end() {
    let mut place = Place::new().await;
    let file = place.device.data().join("count");
    let payload = counting(&file, "sleep 0.05");
    place.arm(&[entry(&payload)]).await;
    let orders: Vec<_> = (0..12).map(|_| place.order(payload.clone())).collect();
    for wave in 0..4 {
        for order in orders.iter().take(3 * (wave + 1)) {
            place.send(order);
        }
        let wanted = 2 * wave + 1;
        eventually("some progress", || count(&file) >= wanted).await;
        place.kill().await;
        place.start().await;
    }
    for order in &orders {
        place.send(order);
    }
    let mut done = 0;
    for order in &orders {
        let result = place.result(order).await;
        match result.status {
            ResultStatus::Completed => done += 1,
            ResultStatus::Interrupted => {}
            other => panic!("{other:?}: {}", result.detail),
        }
        assert!(place.results(order.command_id).iter().all(|other| other.status == result.status));
    }
    let effects = count(&file);
    assert!(effects >= done && effects <= orders.len(), "{done} done, {effects} effects");
    place.chain_is_whole();
}

#[tokio::test]
async fn taken_back_in_time_it_is_not_begun() {
    let mut place = Place::new().await;
    let file = place.device.data().join("count");
    let (hangs, waits) = (script("sleep 2"), counting(&file, "true"));
    place.arm(&[entry(&hangs), entry(&waits)]).await;
    let (begun, queued) = (place.order(hangs), place.order(waits));
    place.send(&begun);
    place.send(&queued);
    eventually("the first has begun", || {
        let world = place.server.world();
        world.said.receipts.iter().any(|one| one.is_started && one.command_id == begun.command_id)
    })
    .await;
    place.server.world().push(&ToAgent::CommandCancel { command_id: queued.command_id });
    place.server.world().push(&ToAgent::CommandCancel { command_id: begun.command_id });
    let cancelled = place.result(&queued).await;
    assert_eq!((cancelled.status, cancelled.refusal), (ResultStatus::Refused, None));
    assert_eq!(place.result(&begun).await.status, ResultStatus::Completed, "what has begun goes on");
    assert_eq!(count(&file), 0);
}

#[tokio::test]
async fn an_order_whose_time_ends_while_it_waits_and_a_lock_that_is_closed_are_seen_before_it_begins() {
    let mut place = Place::new().await;
    let file = place.device.data().join("count");
    let (hangs, waits) = (script("sleep 3"), counting(&file, "true"));
    place.arm(&[entry(&hangs), entry(&waits)]).await;
    let (begun, queued) = (place.order(hangs), place.order(waits));
    place.send(&begun);
    place.send(&queued);
    let path = place.device.data().join(format!("commands/{}.jsonl", queued.command_id));
    eventually("both are taken", || path.exists()).await;
    assert!(place.device.output(&["lock", "disarm"]).await.status.success());
    let refused = place.result(&queued).await;
    assert_eq!(refused.refusal, Some(entity::command::Refusal::LockedLocal));
    assert_eq!(count(&file), 0);
}
