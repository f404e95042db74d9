//! A spool over versions of the agent: what an earlier one wrote is read, and so is what a later one added, when that one
//! is taken back.

use super::*;
use serde_json::{Value, json};

/// As version 0.1.0 wrote them: this is schema 1, and a line that cannot be read like these needs another number.
const OF_SCHEMA_1: &str = r#"{"position":1,"sample":{"collected_at":"1970-01-01T00:00:01Z","cpu_percent":12.5,"memory_used_bytes":4096,"memory_percent":null,"swap_used_bytes":null,"load_average":[0.5,0.25,0.125],"uptime_seconds":60,"network_rx_bytes":1,"network_tx_bytes":2,"process_count":3,"disks":[{"mount":"/","device":"/dev/vda1","file_system":"ext4","total_bytes":10,"used_bytes":5}],"top_processes":[{"pid":1,"name":"init","cpu_percent":0.5,"memory_bytes":7}]}}
{"position":2,"sample":{"collected_at":"1970-01-01T00:00:02Z","cpu_percent":null,"memory_used_bytes":null,"memory_percent":null,"swap_used_bytes":null,"load_average":null,"uptime_seconds":null,"network_rx_bytes":null,"network_tx_bytes":null,"process_count":null,"disks":[],"top_processes":[]}}
"#;
const MARK_OF_SCHEMA_1: &str =
    r#"{"position":0,"acknowledged_at":"1970-01-01T00:00:00Z","dropped":3,"corrupt":4}"#;

/// A line of a later version, which says more than this one knows.
fn later_line(position: u64, second: i64) -> String {
    let mut sample = serde_json::to_value(sample(second)).unwrap();
    sample["temperature"] = json!({ "core": [50.5, 51.0] });
    let line = json!({ "position": position, "sample": sample, "class": "metrics", "crc": 77, "epoch": 9 });
    format!("{line}\n")
}

fn first_segment(folder: &TempDir) -> PathBuf {
    folder.path().join(format!("{:020}.jsonl", 1))
}

#[test]
fn what_was_written_under_this_schema_is_read_and_what_is_written_has_its_names() {
    assert_eq!(SCHEMA, 1);
    let folder = tempfile::tempdir().unwrap();
    fs::write(first_segment(&folder), OF_SCHEMA_1).unwrap();
    fs::write(folder.path().join("mark.json"), MARK_OF_SCHEMA_1).unwrap();
    let mut spool = Spool::<MetricSample>::open(folder.path(), LARGE);
    let batch = spool.batch(10, usize::MAX).unwrap();
    assert_eq!((seconds(&batch), batch.dropped_total), (vec![1, 2], 7));
    assert_eq!(batch.items[0].1.disks[0].mount, "/");

    let written = tempfile::tempdir().unwrap();
    let mut spool = Spool::<MetricSample>::open(written.path(), LARGE);
    spool.append_all(batch.items.into_iter().map(|(_, sample)| sample));
    let lines =
        |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let text = fs::read_to_string(last_segment(&written)).unwrap();
    // Fields may come; one that goes, or is called otherwise, is another schema.
    for (before, now) in lines(OF_SCHEMA_1).iter().zip(lines(&text)) {
        assert_eq!(before["position"], now["position"]);
        for (name, value) in before["sample"].as_object().unwrap() {
            assert_eq!(now["sample"].get(name), Some(value), "{name}");
        }
    }
}

#[test]
fn what_a_later_version_added_is_read_by_the_one_that_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = filled(&folder, 4);
    spool.batch(1, usize::MAX).unwrap();
    spool.acknowledge(1, Utc::now());
    drop(spool);
    // The later one goes on where this one was, in the same file and in one of its own, and keeps its mark.
    let mut text = fs::read_to_string(first_segment(&folder)).unwrap();
    text.push_str(&later_line(5, 5));
    fs::write(first_segment(&folder), text).unwrap();
    fs::write(folder.path().join(format!("{:020}.jsonl", 6)), later_line(6, 6) + &later_line(7, 7)).unwrap();
    let mark = json!({ "position": 2, "acknowledged_at": null, "dropped": 0, "corrupt": 0, "epoch": 9, "classes": {} });
    fs::write(folder.path().join("mark.json"), mark.to_string()).unwrap();
    fs::write(folder.path().join("index.v2"), "what nobody knows yet").unwrap();
    fs::write(folder.path().join("priority.jsonl"), "{}\n").unwrap();
    fs::create_dir(folder.path().join("classes")).unwrap();

    let mut spool = Spool::<MetricSample>::open(folder.path(), LARGE);
    assert_eq!(spool.trouble(), None);
    spool.append(sample(8));
    let batch = spool.batch(100, usize::MAX).unwrap();
    assert_eq!((seconds(&batch), batch.position), (vec![3, 4, 5, 6, 7, 8], 8));
    spool.acknowledge(8, Utc::now());
    assert_eq!((spool.mark.corrupt, spool.mark.dropped), (0, 0), "nothing counts as damage");
    assert!(folder.path().join("index.v2").exists(), "what is not its own is left alone");
}

#[test]
fn a_change_of_a_later_version_may_be_cut_off_anywhere() {
    // First files of its own, then lines at the end of what is there, then the mark.
    let more = later_line(4, 4) + &later_line(5, 5);
    let mark = json!({ "position": 1, "epoch": 9 }).to_string();
    for cut in (0..more.len()).step_by(13).chain([more.len()]) {
        let folder = tempfile::tempdir().unwrap();
        drop(filled(&folder, 3));
        fs::write(folder.path().join(format!(".{:020}.jsonl.new", 4)), &more[..cut]).unwrap();
        let mut text = fs::read_to_string(first_segment(&folder)).unwrap();
        text.push_str(&more[..cut]);
        fs::write(first_segment(&folder), text).unwrap();
        if cut == more.len() {
            fs::write(folder.path().join("mark.json"), &mark).unwrap();
        }
        let mut spool = Spool::<MetricSample>::open(folder.path(), LARGE);
        spool.append(sample(9));
        let batch = spool.batch(100, usize::MAX).unwrap();
        let whole = more[..cut].matches('\n').count();
        let first = if cut == more.len() { 2 } else { 1 };
        let expected: Vec<i64> = (first..=3).chain((4..=5).take(whole)).chain([9]).collect();
        assert_eq!(seconds(&batch), expected, "cut off after {cut} bytes");
        assert_eq!(batch.dropped_total, 0, "{cut}");
    }
}
