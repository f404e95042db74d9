//! The spool under crashes, damage, its bound and a disk that takes nothing.

mod later;

use super::*;
use entity::metric::MetricSample;
use std::{fs, io::Write as _};
use tempfile::TempDir;

const LARGE: u64 = 1024 * 1024;

fn sample(second: i64) -> MetricSample {
    MetricSample {
        collected_at: DateTime::from_timestamp(second, 0).unwrap(),
        cpu_percent: Some(12.5),
        memory_used_bytes: None,
        memory_percent: None,
        swap_used_bytes: None,
        load_average: None,
        uptime_seconds: None,
        network_rx_bytes: None,
        network_tx_bytes: None,
        process_count: None,
        disks: vec![],
        top_processes: vec![],
    }
}

fn seconds(batch: &Batch<MetricSample>) -> Vec<i64> {
    batch.items.iter().map(|(_, sample)| sample.collected_at.timestamp()).collect()
}

fn filled(folder: &TempDir, count: i64) -> Spool<MetricSample> {
    let mut spool = Spool::<MetricSample>::open(folder.path(), LARGE);
    (1..=count).for_each(|second| spool.append(sample(second)));
    spool
}

fn last_segment(folder: &TempDir) -> PathBuf {
    let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    files.sort();
    files.pop().unwrap()
}

#[test]
fn samples_leave_only_after_the_acknowledgement() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = filled(&folder, 5);
    let first = spool.batch(3, usize::MAX).unwrap();
    assert_eq!((seconds(&first), first.position), (vec![1, 2, 3], 3));
    assert_eq!(spool.batch(3, usize::MAX).unwrap(), first, "the same again until the server has it");
    spool.acknowledge(3, Utc::now());
    assert_eq!(seconds(&spool.batch(3, usize::MAX).unwrap()), [4, 5]);
    spool.acknowledge(5, Utc::now());
    assert_eq!(spool.batch(3, usize::MAX), None);
    spool.acknowledge(2, Utc::now());
    assert_eq!(spool.batch(3, usize::MAX), None, "an old acknowledgement brings nothing back");
}

#[test]
fn a_crash_between_sending_and_acknowledging_repeats_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = filled(&folder, 4);
    spool.batch(2, usize::MAX).unwrap();
    spool.acknowledge(2, Utc::now());
    spool.batch(2, usize::MAX).unwrap();
    drop(spool);
    let mut spool = Spool::<MetricSample>::open(folder.path(), LARGE);
    assert_eq!(seconds(&spool.batch(10, usize::MAX).unwrap()), [3, 4]);
    spool.append(sample(5));
    let batch = spool.batch(10, usize::MAX).unwrap();
    assert_eq!((seconds(&batch), batch.position), (vec![3, 4, 5], 5));
}

#[test]
fn numbers_go_on_after_everything_was_acknowledged_and_the_agent_restarted() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = filled(&folder, 3);
    spool.batch(10, usize::MAX).unwrap();
    spool.acknowledge(3, Utc::now());
    fs::remove_file(last_segment(&folder)).unwrap();
    let mut spool = Spool::<MetricSample>::open(folder.path(), LARGE);
    spool.append(sample(9));
    assert_eq!(spool.batch(10, usize::MAX).unwrap().position, 4);
}

#[test]
fn a_line_that_a_crash_left_half_written_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(&folder, 2));
    let mut file = fs::OpenOptions::new().append(true).open(last_segment(&folder)).unwrap();
    file.write_all(br#"{"position":3,"sample":{"collec"#).unwrap();
    let mut spool = Spool::<MetricSample>::open(folder.path(), LARGE);
    spool.append(sample(3));
    assert_eq!(seconds(&spool.batch(10, usize::MAX).unwrap()), [1, 2, 3]);
    spool.acknowledge(3, Utc::now());
    assert_eq!(spool.mark.corrupt, 0, "it was never promised, so it is no damage");
}

#[test]
fn damaged_lines_are_skipped_and_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(&folder, 3));
    let path = last_segment(&folder);
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1] = "\u{0}\u{0}\u{0}";
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let mut spool = Spool::<MetricSample>::open(folder.path(), LARGE);
    let batch = spool.batch(10, usize::MAX).unwrap();
    assert_eq!((seconds(&batch), batch.position), (vec![1, 3], 3));
    spool.batch(10, usize::MAX).unwrap();
    spool.acknowledge(3, Utc::now());
    assert_eq!(spool.mark.corrupt, 1);
    assert_eq!(Spool::<MetricSample>::open(folder.path(), LARGE).mark.corrupt, 1);
}

#[test]
fn a_segment_of_nothing_but_damage_is_passed_by() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(&folder, 2));
    fs::write(last_segment(&folder), "x\ny\n").unwrap();
    let mut spool = Spool::<MetricSample>::open(folder.path(), LARGE);
    assert_eq!(spool.batch(10, usize::MAX), None);
    assert_eq!(spool.mark.corrupt, 2);
    spool.append(sample(3));
    let batch = spool.batch(10, usize::MAX).unwrap();
    assert_eq!((seconds(&batch), batch.position), (vec![3], 3));
}

#[test]
fn the_bound_holds_and_what_it_cost_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let bound = 8 * 1024;
    let mut spool = Spool::<MetricSample>::open(folder.path(), bound);
    for second in 1..=200 {
        spool.append(sample(second));
        let size: u64 =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        assert!(size <= bound + 2048, "{size}");
    }
    let mut spool = Spool::<MetricSample>::open(folder.path(), bound);
    let batch = spool.batch(1000, usize::MAX).unwrap();
    let kept = batch.items.len() as u64;
    assert!(batch.dropped_total > 0);
    assert_eq!(batch.dropped_total + kept, 200, "every sample is either kept or counted");
    assert_eq!(*seconds(&batch).last().unwrap(), 200, "the newest are kept");
    spool.acknowledge(batch.position, Utc::now());
    spool.append(sample(201));
    let reopened = Spool::<MetricSample>::open(folder.path(), bound).batch(1, usize::MAX).unwrap();
    assert_eq!(reopened.dropped_total, batch.dropped_total, "the total survives");
}

#[test]
fn a_disk_that_takes_nothing_leaves_the_latest_in_memory_until_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("spool");
    // A file where the folder should be: every write fails, for root too.
    fs::write(&place, "").unwrap();
    let mut spool = Spool::<MetricSample>::open(&place, LARGE);
    let count = MEMORY_ITEMS_MAX as i64 + 10;
    (1..=count).for_each(|second| spool.append(sample(second)));
    assert!(spool.trouble().is_some());
    let batch = spool.batch(20, usize::MAX).unwrap();
    assert_eq!(batch.dropped_total, 10);
    assert_eq!(seconds(&batch)[0], 11, "memory is bounded, the oldest go first");
    spool.acknowledge(batch.position, Utc::now());
    assert_eq!(seconds(&spool.batch(1, usize::MAX).unwrap()), [31], "they can be sent from memory");

    fs::remove_file(&place).unwrap();
    spool.append(sample(count + 1));
    assert_eq!(spool.trouble(), None);
    let reopened = Spool::<MetricSample>::open(&place, LARGE).batch(1000, usize::MAX).unwrap();
    assert_eq!(seconds(&reopened), (31..=count + 1).collect::<Vec<_>>());
}

#[test]
fn refused_samples_are_given_up_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = filled(&folder, 3);
    let batch = spool.batch(2, usize::MAX).unwrap();
    spool.give_up(&batch);
    let rest = spool.batch(10, usize::MAX).unwrap();
    assert_eq!((seconds(&rest), rest.dropped_total), (vec![3], 2));
}

#[test]
fn acknowledged_segments_leave_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::<MetricSample>::open(folder.path(), 64 * 1024);
    (1..=100).for_each(|second| spool.append(sample(second)));
    assert!(spool.segments.len() > 3);
    let batch = spool.batch(1000, usize::MAX).unwrap();
    spool.acknowledge(batch.position, Utc::now());
    assert!(spool.segments.len() <= 1);
    assert!(survey(folder.path()).size_bytes < 2048);
    assert_eq!(survey(folder.path()).samples_waiting, 0);
}

#[test]
fn a_look_from_outside_tells_how_full_it_is() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(survey(&folder.path().join("none")), Survey::default());
    let mut spool = filled(&folder, 7);
    spool.batch(3, usize::MAX).unwrap();
    spool.acknowledge(3, Utc::now());
    let seen = survey(folder.path());
    assert_eq!(seen.samples_waiting, 4);
    assert!(seen.size_bytes > 0 && seen.last_acknowledged_at.is_some());
}

#[test]
fn what_a_crash_left_of_a_write_is_cut_off_and_numbers_by_time_never_come_twice() {
    let folder = tempfile::tempdir().unwrap();
    let at = |second| DateTime::from_timestamp(second, 0).unwrap();
    let mut spool = Spool::open_by_time(folder.path(), LARGE, at(1_000));
    spool.append_all((1..=3).map(sample));
    let kept = spool.last();
    assert_eq!(kept, 1_000_000_002);
    spool.append_all((4..=6).map(sample));
    spool.cut_after(kept).unwrap();
    assert_eq!((spool.last(), spool.next()), (kept, 1_000_000_006));
    drop(spool);
    let mut spool = Spool::open_by_time(folder.path(), LARGE, at(900));
    spool.append(sample(7));
    let batch = spool.batch(10, usize::MAX).unwrap();
    assert_eq!(seconds(&batch), [1, 2, 3, 7]);
    assert_eq!(batch.position, kept + 1, "an earlier clock does not matter while the files are there");
    fs::remove_dir_all(folder.path()).unwrap();
    let mut spool = Spool::open_by_time(folder.path(), LARGE, at(1_001));
    spool.append(sample(8));
    assert!(spool.last() > batch.position, "nor does losing them");
}
