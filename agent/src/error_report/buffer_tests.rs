//! The buffer of error reports: bounded, counted, and whole after whatever happened to its file.

use super::*;
use std::{fs, path::Path};

fn buffer(folder: &Path, limits: Limits) -> Buffer {
    Buffer::open(&Paths::under(folder), limits)
}

fn note(kind: ErrorKind, message: &str) -> Note {
    Note::new(kind, message.to_owned(), Value::Null)
}

fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(FILE)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_repeats_is_counted_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut buffer = buffer(folder.path(), Limits::default());
    for number in 0..50 {
        buffer.add(note(ErrorKind::DiskFull, &format!("{number} bytes are missing")));
    }
    buffer.add(note(ErrorKind::DiskFull, "another sentence"));
    buffer.add(note(ErrorKind::Other, "another sentence"));
    assert_eq!(lines(folder.path()).len(), 3);
    assert_eq!(lines(folder.path())[0]["count"], 1, "counts are not worth a write each");
    buffer.flush();
    assert_eq!(lines(folder.path())[0]["count"], 50);
    assert_eq!(buffer.take().unwrap().count, 50);
}

#[test]
fn what_was_sent_waits_for_the_window_before_it_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut buffer = buffer(folder.path(), Limits::default());
    buffer.add(note(ErrorKind::Other, "again"));
    let first = buffer.take().unwrap();
    buffer.add(note(ErrorKind::Other, "again"));
    assert!(buffer.take().is_none(), "the same one is on its way");
    buffer.done(first.report_id);
    for _ in 0..5 {
        buffer.add(note(ErrorKind::Other, "again"));
    }
    assert!(buffer.take().is_none() && buffer.due_in().unwrap() > Duration::from_secs(300));
    assert_eq!((buffer.waiting(), lines(folder.path()).len()), (1, 1));

    let mut buffer = self::buffer(folder.path(), Limits { window: Duration::ZERO, ..Limits::default() });
    let again = buffer.take().unwrap();
    assert_ne!(again.report_id, first.report_id);
    buffer.failed(again.report_id);
    assert_eq!(buffer.take().unwrap().report_id, again.report_id, "the same report until it has arrived");
    buffer.done(again.report_id);
    assert_eq!((buffer.waiting(), lines(folder.path()).len()), (0, 0));
}

#[test]
fn a_restart_loses_nothing_and_a_damaged_line_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = buffer(folder.path(), Limits::default());
    first.add(note(ErrorKind::UpdateDownloadFailed, "one"));
    first.add(note(ErrorKind::UpdaterLaunchFailed, "two"));
    let mut bytes = fs::read(folder.path().join(FILE)).unwrap();
    bytes.splice(0..0, b"{\"half\": \xff\n".iter().copied());
    bytes.extend(b"{\"agent_id\":");
    fs::write(folder.path().join(FILE), &bytes).unwrap();

    let second = buffer(folder.path(), Limits::default());
    let kinds: Vec<_> = second.waiting.iter().map(|waiting| waiting.report.error_type.clone()).collect();
    assert_eq!(kinds, ["update_download_failed", "updater_launch_failed", "storage_damaged"]);
    assert_eq!(second.waiting[2].report.details["lines"], 2);
    assert_eq!(lines(folder.path()).len(), 3, "what could not be read is gone from the file");
    assert_eq!(buffer(folder.path(), Limits::default()).waiting(), 3);
}

#[test]
fn number_and_bytes_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { reports: 5, bytes: 4 * 1024, ..Limits::default() };
    let mut buffer = buffer(folder.path(), limits);
    let words = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for word in words {
        buffer.add(note(ErrorKind::Other, &format!("the {word} is wrong")));
    }
    assert_eq!(lines(folder.path()).len(), 5);
    assert_eq!(lines(folder.path())[0]["error_message"], "the d is wrong", "the oldest give way");
    for word in words {
        buffer.add(note(ErrorKind::Other, &format!("{} {word}", "long ".repeat(180))));
    }
    assert!(fs::metadata(folder.path().join(FILE)).unwrap().len() <= 4 * 1024);

    fs::write(folder.path().join(FILE), vec![b'x'; 1024 * 1024]).unwrap();
    let kinds: Vec<_> =
        self::buffer(folder.path(), limits).waiting.iter().map(|w| w.report.error_type.clone()).collect();
    assert_eq!(kinds, ["storage_damaged"], "a file beyond all bounds");
}

#[test]
fn secrets_are_taken_out_and_the_end_of_the_log_goes_along() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    fs::write(logs.join(log::NAME), "one line\nanother line\n").unwrap();
    let mut buffer = buffer(folder.path(), Limits::default());
    let details = json!({ "agent_token": "abc", "deep": [{ "url": "https://u:hunter2@x/" }], "n": 1 });
    buffer.add(Note::new(ErrorKind::Other, "sent AGT-0123456789abcdef".to_owned(), details));
    let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
    assert!(
        !text.contains("0123456789abcdef") && !text.contains("hunter2") && !text.contains("\"abc\""),
        "{text}"
    );
    assert_eq!(lines(folder.path())[0]["log_snippet"], "one line\nanother line");
    assert_eq!(lines(folder.path())[0]["details"]["n"], 1);
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_it_and_no_folder_is_no_trouble() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(buffer(&data, Limits::default()).waiting(), 0);
    buffer(&data, Limits::default()).add(note(ErrorKind::Other, "x"));
    assert_eq!(fs::metadata(data.join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
    fs::remove_dir_all(&data).unwrap();
    fs::write(&data, "no folder").unwrap();
    let mut lost = buffer(&data, Limits::default());
    lost.add(note(ErrorKind::Other, "y"));
    assert_eq!(lost.waiting(), 1, "it waits in memory");
}
