//! The agent dies at each call by which the journal and the record are written: `strace` kills it there. Whatever was on
//! the disk by then decides what becomes of the command, and there is one end of it, told and recorded once.
#![cfg(target_os = "linux")]

use crate::{
    command::{Place, entry},
    support::{eventually, script},
};
use entity::command::{
    ChainEvent::{self, Done, Interrupted, Received, Started},
    Mode, Payload, ResultStatus,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tokio::task::JoinSet;

/// Agents that are killed at the same time: the machines that run tests are small.
const AT_ONCE: usize = 3;

/// A call, and which one of its kind; then how the command ends, and how often it had its effect.
type Step = (&'static str, usize, ResultStatus, usize);

fn can_trace() -> bool {
    let can = Command::new("strace").args(["-qqq", "-o", "/dev/null", "true"]).status();
    let can = can.is_ok_and(|status| status.success());
    if !can {
        eprintln!("skipped: strace is not here, or may not look into programs");
    }
    can
}

/// The files of a command, and their neighbours before they get their names.
fn files(data: &Path, id: &str) -> Vec<PathBuf> {
    let neighbour = |name: &str| [name.to_owned(), format!(".{name}.new")];
    let [file, new] = neighbour(&format!("{id}.jsonl"));
    let [mode, new_mode] = neighbour("agent-mode.json");
    let commands = data.join("commands");
    vec![
        commands.join(file),
        commands.join(new),
        data.join("chain.jsonl"),
        data.join(mode),
        data.join(new_mode),
    ]
}

/// Starts the agent under a hand that kills it as it is about to make the call.
async fn start_to_die(place: &mut Place, id: &str, call: &str, nth: usize) {
    let mut strace = tokio::process::Command::new("strace");
    // The agent stays this process's child, and lives on when the call never comes.
    strace.args(["-D", "-f", "-qqq", "-o", "/dev/null"]);
    strace.arg("-e").arg(format!("trace={call}"));
    strace.arg("-e").arg(format!("inject={call}:signal=KILL:when={nth}"));
    for file in files(place.device.data(), id) {
        strace.arg("-P").arg(file);
    }
    let agent = place.device.agent(&["run"]);
    strace.arg(agent.as_std().get_program()).args(agent.as_std().get_args());
    place.start_as(strace).await;
}

/// One command, one death, and what comes of it.
async fn dies(payload: impl FnOnce(&Path) -> Payload, step: Step) -> Place {
    let (call, nth, status, effects) = step;
    let what = format!("killed at {call} {nth}");
    let mut place = Place::new().await;
    let count = place.device.data().join("count");
    let payload = payload(&count);
    if payload.kind().strong_kind().is_some() {
        place.arm(&[entry(&payload)]).await;
    }
    place.kill().await;
    let order = place.order(payload);
    let id = order.command_id.to_string();
    start_to_die(&mut place, &id, call, nth).await;
    place.send(&order);
    eventually(&what, || !place.running.as_mut().unwrap().is_alive()).await;
    place.running = None;

    place.start().await;
    place.send(&order);
    let result = place.result(&order).await;
    assert_eq!(result.status, status, "{what}: {}", result.detail);
    let before = place.results(order.command_id).len();
    place.send(&order);
    eventually("the stored result", || place.results(order.command_id).len() > before).await;
    for other in place.results(order.command_id) {
        assert_eq!(
            (other.status, other.ended_at),
            (result.status, result.ended_at),
            "{what}: always the same"
        );
    }
    let lines = fs::read_to_string(&count).unwrap_or_default().lines().count();
    assert_eq!(lines, effects, "{what}: effects");
    let end = if status == ResultStatus::Interrupted { Interrupted } else { Done };
    let is_end = |event: &ChainEvent| *event == end;
    eventually("its end in the record", || place.events(order.command_id).iter().any(is_end)).await;
    assert_eq!(place.events(order.command_id), [Received, Started, end], "{what}: each once");
    place.chain_is_whole();
    let file = place.device.data().join(format!("commands/{id}.jsonl"));
    eventually("a mark that it is over", || fs::read_to_string(&file).unwrap().contains("\"over\"")).await;
    place
}

async fn all_of(steps: &[Step], payload: fn(&Path) -> Payload) -> Vec<Place> {
    let (mut running, mut places) = (JoinSet::new(), Vec::new());
    for step in steps {
        if running.len() >= AT_ONCE {
            places.extend(running.join_next().await.map(Result::unwrap));
        }
        running.spawn(dies(payload, *step));
    }
    while let Some(place) = running.join_next().await {
        places.push(place.unwrap());
    }
    places
}

#[tokio::test]
async fn a_script_is_begun_once_whatever_call_was_the_last() {
    use ResultStatus::{Completed as Ran, Interrupted as Lost};
    if !can_trace() {
        return;
    }
    let steps: [Step; 14] = [
        // RECEIVED is not on the disk: as if it had not come.
        ("write", 1, Ran, 1),
        ("fsync", 1, Ran, 1),
        ("rename", 1, Ran, 1),
        // It is, and waits.
        ("write", 2, Ran, 1),
        ("fdatasync", 1, Ran, 1),
        ("write", 3, Ran, 1),
        ("fdatasync", 2, Ran, 1),
        ("write", 4, Ran, 1),
        // STARTED is on the disk: nobody knows what came of it.
        ("fdatasync", 3, Lost, 0),
        ("write", 5, Lost, 1),
        // DONE is on the disk.
        ("fdatasync", 4, Ran, 1),
        ("write", 6, Ran, 1),
        ("fdatasync", 5, Ran, 1),
        // The server has it.
        ("write", 7, Ran, 1),
    ];
    all_of(&steps, |count| script(&format!("echo x >> {}", count.display()))).await;
}

#[tokio::test]
async fn what_may_be_done_twice_is_begun_anew() {
    if !can_trace() {
        return;
    }
    let done = ResultStatus::Completed;
    let steps: [Step; 7] = [
        ("write", 1, done, 0),
        ("rename", 1, done, 0),
        ("write", 2, done, 0),
        ("rename", 2, done, 0),
        ("write", 3, done, 0),
        ("fdatasync", 1, done, 0),
        ("write", 4, done, 0),
    ];
    for place in all_of(&steps, |_| Payload::SetMode { mode: Mode::Safe }).await {
        assert!(place.device.status().await.contains("safe mode"));
    }
}

#[tokio::test]
async fn a_note_is_not_written_twice() {
    use ResultStatus::{Completed as Written, Interrupted as Lost};
    if !can_trace() {
        return;
    }
    let steps: [Step; 7] = [
        ("write", 1, Written, 0),
        ("write", 2, Written, 0),
        ("write", 3, Written, 0),
        ("write", 4, Written, 0),
        ("fdatasync", 3, Lost, 0),
        ("write", 5, Lost, 0),
        ("write", 6, Written, 0),
    ];
    all_of(&steps, |_| Payload::NotifyOps { message: "The cleaner comes at nine.".to_owned() }).await;
}
