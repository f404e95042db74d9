//! The journal and what is remembered of time: wherever it is cut off, nothing can be begun twice.

use super::{
    ending::result,
    journal::{Journal, Phase, RECORDS_MAX, Received},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    command::{CommandResult, Envelope, ResultStatus},
    id::CommandId,
};
use std::{fs, path::Path};
use uuid::Uuid;

fn id(number: usize) -> CommandId {
    CommandId(Uuid::from_u128(number as u128))
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn received(seconds: i64) -> Received {
    let envelope = Envelope {
        payload: "eHg=".to_owned(),
        payload_type: "x".to_owned(),
        signatures: Vec::new(),
        grants: Vec::new(),
    };
    Received {
        at: at(seconds),
        order_sha256: "ab".repeat(32),
        issued_at: at(seconds),
        expires_at: at(seconds + 100),
        envelope: Some(envelope),
    }
}

fn completed(number: usize, output: &str) -> CommandResult {
    let refused = result(id(number), String::new(), None);
    CommandResult { status: ResultStatus::Completed, output: output.to_owned(), ..refused }
}

fn open(folder: &Path) -> Journal {
    Journal::open(folder.to_owned()).unwrap()
}

/// How far it has come, as a number.
fn step(journal: &Journal) -> u8 {
    match journal.look(id(1)).map(|kept| &kept.phase) {
        None => 0,
        Some(Phase::Received) => 1,
        Some(Phase::Started { .. }) => 2,
        Some(Phase::Done) => 3,
        Some(Phase::Over) => 4,
    }
}

#[test]
fn a_file_that_was_cut_off_anywhere_goes_on_from_its_last_whole_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{}.jsonl", id(1)));
    let mut journal = open(folder.path());
    let mut ends = Vec::new();
    let mut length = || ends.push(fs::metadata(&path).unwrap().len() as usize);
    journal.receive(id(1), received(0), None).unwrap();
    length();
    journal.start(id(1), at(1), Some("boot".to_owned())).unwrap();
    length();
    journal.finish(&completed(1, "said")).unwrap();
    length();
    journal.acknowledge(id(1)).unwrap();
    length();
    let whole = fs::read(&path).unwrap();
    assert_eq!(ends.last(), Some(&whole.len()));
    for cut in ends[0]..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let expected = ends.iter().filter(|end| **end <= cut).count() as u8;
        let mut journal = open(folder.path());
        assert_eq!(step(&journal), expected, "cut at {cut}");
        // It goes on as if it had stopped there.
        match expected {
            1 => journal.start(id(1), at(1), None).unwrap(),
            2 => journal.finish(&completed(1, "again")).unwrap(),
            3 => journal.acknowledge(id(1)).unwrap(),
            _ => continue,
        }
        assert_eq!(step(&open(folder.path())), expected + 1, "cut at {cut}");
    }
}

#[test]
fn a_damaged_file_is_over_and_nothing_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{}.jsonl", id(1)));
    for damage in ["", "{", "{\"started\":{\"at\":\"2027-01-01T00:00:00Z\",\"boot_id\":null}}\n"] {
        fs::write(&path, damage).unwrap();
        assert_eq!(step(&open(folder.path())), 4, "{damage:?}");
    }
    fs::write(folder.path().join(format!(".{}.jsonl.new", id(2))), "{").unwrap();
    assert_eq!(open(folder.path()).look(id(2)), None, "one that never got its name never came");
}

#[test]
fn results_stay_until_they_are_acknowledged_and_are_small_after_that() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    journal.receive(id(1), received(0), None).unwrap();
    assert!(journal.envelope(id(1)).unwrap().is_some());
    let result = completed(1, &"x".repeat(100_000));
    journal.finish(&result).unwrap();
    assert_eq!(open(folder.path()).result(id(1)).unwrap(), Some(result.clone()));
    journal.acknowledge(id(1)).unwrap();
    assert!(fs::metadata(folder.path().join(format!("{}.jsonl", id(1)))).unwrap().len() < 4_096);
    let journal = open(folder.path());
    assert_eq!(step(&journal), 4);
    assert_eq!(journal.result(id(1)).unwrap(), Some(CommandResult { output: String::new(), ..result }));
}

#[test]
fn what_is_forgotten_is_expired_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    for number in 1..=3 {
        journal.receive(id(number), received(number as i64), Some(&completed(number, ""))).unwrap();
    }
    journal.acknowledge(id(1)).unwrap();
    journal.acknowledge(id(2)).unwrap();
    let mut floor = None;
    journal
        .forget(at(101), |latest| {
            floor = Some(latest);
            Ok(())
        })
        .unwrap();
    assert_eq!(floor, Some(at(101)), "the first alone is over and expired");
    assert_eq!(open(folder.path()).all().count(), 2);
    let trouble = |_| Err(std::io::Error::other("full"));
    assert!(journal.forget(at(1_000), trouble).is_err());
    assert!(journal.look(id(2)).is_some(), "not before the time is kept");
    journal
        .forget(at(1_000), |latest| {
            floor = Some(latest);
            Ok(())
        })
        .unwrap();
    assert_eq!(floor, Some(at(102)));
    assert!(journal.look(id(3)).is_some(), "the server does not have its result");
}

#[test]
fn too_many_marks_give_way_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    for number in 0..RECORDS_MAX + 3 {
        journal.receive(id(number), received(number as i64), Some(&completed(number, ""))).unwrap();
        journal.acknowledge(id(number)).unwrap();
    }
    let mut floor = DateTime::UNIX_EPOCH;
    journal
        .forget(at(-1_000), |latest| {
            floor = latest;
            Ok(())
        })
        .unwrap();
    assert_eq!((journal.all().count(), floor), (RECORDS_MAX, at(102)));
    assert_eq!(floor - at(0), TimeDelta::seconds(102));
    assert!(journal.look(id(0)).is_none() && journal.look(id(3)).is_some());
}
