//! Scripts that mean no good, a disk without room, and places that others could have prepared.
#![cfg(target_os = "linux")]

use crate::{
    command::{Place, entry, processes},
    disk::SmallDisk,
    support::{eventually, script, script_of},
};
use entity::command::{ChainEvent, Payload, Refusal, ResultStatus, Shell};
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

fn count(path: &Path) -> usize {
    fs::read_to_string(path).unwrap_or_default().lines().count()
}

/// It would be four thousand processes if nobody stopped it, and has an end even then.
#[tokio::test]
async fn what_doubles_itself_is_ended_before_it_fills_the_machine() {
    let mut place = Place::new().await;
    let bomb = "bomb() { [ $1 -gt 0 ] && { bomb $(($1-1)) & bomb $(($1-1)) & }; exec sleep 30061; }\nbomb 11";
    let ended = place.run(script_of(Shell::Bash, bomb, &[]), 30).await;
    assert_eq!(ended.status, ResultStatus::Failed, "{}", ended.detail);
    assert!(ended.detail.contains("more than 512 processes"), "{}", ended.detail);
    assert_eq!(processes("30061"), 0);
    let after = place.run(script("echo well"), 30).await;
    assert_eq!(after.output, "well\n", "the agent goes on");
}

#[tokio::test]
async fn who_ends_its_keeper_gets_nothing_by_it() {
    let mut place = Place::new().await;
    let killed = place
        .run(script("setsid sleep 30062 & sleep 30062 & kill -9 $PPID; sleep 30062; echo free"), 20)
        .await;
    assert_eq!(killed.status, ResultStatus::Failed, "{}", killed.detail);
    assert!(killed.detail.contains("not known"), "{}", killed.detail);
    assert_eq!(processes("30062"), 0, "nothing of it goes on");
}

#[tokio::test]
async fn what_closes_its_streams_and_waits_behind_goes_with_the_script() {
    let mut place = Place::new().await;
    let daemon = "nohup setsid sleep 30063 >/dev/null 2>&1 < /dev/null &\nsleep 0.2\nexec >&- 2>&-\nexit 4";
    let done = place.run(script(daemon), 20).await;
    assert_eq!((done.status, done.exit_code), (ResultStatus::Failed, Some(4)), "{}", done.detail);
    assert_eq!(processes("30063"), 0);
}

#[tokio::test]
async fn escapes_stay_data_on_every_terminal_of_this_machine() {
    let mut place = Place::new().await;
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J";
    let done = place.run(script(&format!("printf '{evil}'; exit 1")), 20).await;
    assert_eq!(done.output, evil, "the viewer gets what was written");
    let note = place.done(Payload::NotifyOps { message: evil.to_owned() }).await;
    assert_eq!(note.refusal, Some(Refusal::Malformed), "a note is words: {}", note.detail);
    for words in [&["status"][..], &["status", "--json"], &["logs"], &["doctor"], &["lock", "show"]] {
        let output = place.device.output(words).await;
        let said = [output.stdout, output.stderr].concat();
        assert!(!said.contains(&0x1b) && !said.contains(&7), "{words:?}: {}", String::from_utf8_lossy(&said));
    }
    let log = fs::read(place.device.data().join("logs/agent.log")).unwrap();
    assert!(!log.contains(&0x1b), "nor in the file of the log");
}

#[tokio::test]
async fn a_script_runs_nowhere_where_others_could_have_prepared_something() {
    let mut place = Place::new().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let everybody = fs::Permissions::from_mode(0o777);
    fs::set_permissions(elsewhere.path(), everybody.clone()).unwrap();
    let work = place.device.data().join("work");
    let _ = fs::remove_dir_all(&work);
    symlink(elsewhere.path(), &work).unwrap();
    let refused = place.run(script("echo ran"), 20).await;
    assert_eq!(refused.status, ResultStatus::Failed, "{}", refused.detail);
    assert!(refused.detail.contains("no safe place"), "{}", refused.detail);
    assert_eq!(refused.output, "");
    let mode = fs::metadata(elsewhere.path()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o777, "the folder behind the link is left alone");
    fs::remove_file(&work).unwrap();
    fs::create_dir(&work).unwrap();
    fs::set_permissions(&work, everybody).unwrap();
    let ran = place.run(script("stat -c %a .. .; ls -A"), 20).await;
    assert_eq!(ran.output, "700\n700\n", "closed again, and nothing in it");
}

#[tokio::test]
async fn without_room_for_the_journal_nothing_runs_and_with_room_it_does() {
    let mut place = Place::new().await;
    place.kill().await;
    let folder = place.device.data().join("commands");
    let _ = fs::remove_dir_all(&folder);
    let Some(disk) = SmallDisk::mount(&folder) else {
        eprintln!("skipped: only root can mount a small file system");
        return;
    };
    place.start().await;
    let file = place.device.data().join("count");
    let payload = script(&format!("echo x >> {}", file.display()));
    place.arm(&[entry(&payload)]).await;
    let ballast = disk.fill();
    let (order, note) =
        (place.order(payload), place.order(Payload::NotifyOps { message: "Nobody reads this.".to_owned() }));
    let reports = |place: &Place| {
        place.server.world().errors.iter().filter(|report| report.error_type == "disk_full").count()
    };
    place.send(&order);
    place.send(&note);
    eventually("the report", || reports(&place) > 0).await;
    // What is answered behind them shows that both were looked at.
    let look = place.order(Payload::CollectInventory {});
    let forged = place.signer.forge(&look);
    place.server.world().push(&entity::wire::ToAgent::Command(Box::new(forged)));
    place.result(&look).await;
    for untouched in [&order, &note] {
        assert!(
            place.results(untouched.command_id).is_empty() && place.events(untouched.command_id).is_empty()
        );
    }
    assert_eq!(count(&file), 0);
    assert!(place.server.world().events.iter().all(|event| event.event_type != "ops_note"));
    fs::remove_file(ballast).unwrap();
    place.send(&order);
    place.send(&note);
    assert_eq!(place.result(&order).await.status, ResultStatus::Completed);
    assert_eq!(place.result(&note).await.status, ResultStatus::Completed);
    assert_eq!(count(&file), 1);
    eventually("the record", || place.events(order.command_id).contains(&ChainEvent::Done)).await;
    place.chain_is_whole();
}

#[tokio::test]
async fn an_end_for_which_the_disk_has_no_room_is_told_and_stays_the_same() {
    let mut place = Place::new().await;
    place.kill().await;
    let folder = place.device.data().join("commands");
    let _ = fs::remove_dir_all(&folder);
    let Some(disk) = SmallDisk::mount(&folder) else {
        eprintln!("skipped: only root can mount a small file system");
        return;
    };
    place.start().await;
    place.server.world().keep_command_acks = true;
    let (go, file) = (place.device.data().join("go"), place.device.data().join("count"));
    let large = format!(
        "echo x >> {}; while [ ! -e {} ]; do sleep 0.02; done; head -c 90000 /dev/zero | tr '\\0' y",
        file.display(),
        go.display()
    );
    let payload = script(&large);
    place.arm(&[entry(&payload)]).await;
    let order = place.order(payload);
    place.send(&order);
    eventually("it runs", || count(&file) == 1).await;
    let ballast = disk.fill();
    fs::write(&go, "").unwrap();
    let told = place.result(&order).await;
    assert_eq!(told.status, ResultStatus::Completed, "{}", told.detail);
    assert!(told.detail.contains("no room"), "{}", told.detail);
    assert_eq!(
        (told.output.as_str(), told.output_bytes),
        ("", 90_000),
        "its output has no room, and that is said"
    );
    fs::remove_file(ballast).unwrap();
    place.kill().await;
    place.server.world().keep_command_acks = false;
    let before = place.results(order.command_id).len();
    place.start().await;
    eventually("the same again", || place.results(order.command_id).len() > before).await;
    assert!(place.results(order.command_id).iter().all(|result| *result == told));
    assert_eq!(count(&file), 1);
    place.chain_is_whole();
}
