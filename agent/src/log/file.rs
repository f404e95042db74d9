//! The log's files: `agent.log`, and `agent.log.1` and so on as it grows or ages; never more of them than was said.

use super::disk;
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
};

/// Name of the file that is written.
pub const NAME: &str = "agent.log";
/// Bytes after which the room on the disk is looked at again.
const LOOK_EVERY_BYTES: u64 = 64 * 1024;
/// While lines are dropped, the disk is looked at again after so long.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(5);
/// Most bytes of a first line.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// When a file gives way to the next, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Largest file, in bytes.
    pub file_bytes: u64,
    /// Oldest file that is written to, in hours.
    pub file_hours: u32,
    /// Files in all.
    pub files: u32,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { file_bytes: 5 * 1024 * 1024, file_hours: 7 * 24, files: 4 }
    }
}

/// Looks at the room on the disk; tests hand in another look.
type Look = fn(&Path) -> bool;

fn is_scarce(folder: &Path) -> bool {
    // A system that does not say has room until a write fails.
    disk::room(folder).is_ok_and(disk::Room::is_scarce)
}

/// The file that is written, and those before it.
#[derive(Debug)]
pub struct LogFile {
    folder: PathBuf,
    rotation: Rotation,
    look: Look,
    open: Option<Open>,
    /// Lines that were not written since the last one that was.
    dropped: u64,
    /// No room when it was looked at last, and when that was.
    full_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
    looked_at_bytes: u64,
    began_at: DateTime<Utc>,
}

impl LogFile {
    /// Writes to `folder`, which is made when the first line comes.
    #[must_use]
    pub fn new(folder: &Path, rotation: Rotation) -> Self {
        Self { folder: folder.to_owned(), rotation, look: is_scarce, open: None, dropped: 0, full_at: None }
    }

    /// Writes a line, or drops and counts it: a log never stops what it is about.
    pub fn write(&mut self, line: &[u8], now: DateTime<Utc>) {
        if self.full_at.is_some_and(|at| now.signed_duration_since(at).abs() < LOOK_AGAIN) {
            self.dropped += 1;
            return;
        }
        self.full_at = None;
        if self.try_write(line, now).is_err() {
            self.full_at = Some(now);
            self.dropped += 1;
            // Opened anew: the file may have gone, or the disk may be another one.
            self.open = None;
        }
    }

    /// Lines that were dropped elsewhere, to be told with the next that is written.
    pub const fn add_dropped(&mut self, lines: u64) {
        self.dropped += lines;
    }

    fn try_write(&mut self, line: &[u8], now: DateTime<Utc>) -> io::Result<()> {
        let told = self.dropped;
        let mut bytes = Vec::new();
        if told > 0 {
            bytes = dropped_line(told, now);
        }
        bytes.extend_from_slice(line);
        let rotation = self.rotation;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => open_at(&self.folder, now)?,
        };
        let age = now.signed_duration_since(open.began_at);
        let is_old = age >= TimeDelta::hours(i64::from(rotation.file_hours));
        let is_large = open.bytes + bytes.len() as u64 > rotation.file_bytes;
        if open.bytes > 0 && (is_old || is_large) {
            drop(open);
            rotate(&self.folder, rotation.files)?;
            open = open_at(&self.folder, now)?;
        }
        if open.looked_at_bytes == u64::MAX || open.bytes.abs_diff(open.looked_at_bytes) >= LOOK_EVERY_BYTES {
            if (self.look)(&self.folder) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            open.looked_at_bytes = open.bytes;
        }
        if let Err(error) = open.file.write_all(&bytes) {
            // Half a line helps nobody and takes the room that is missing.
            let _ = open.file.set_len(open.bytes);
            return Err(error);
        }
        open.bytes += bytes.len() as u64;
        self.open = Some(open);
        self.dropped -= told;
        Ok(())
    }
}

fn dropped_line(lines: u64, now: DateTime<Utc>) -> Vec<u8> {
    let line = serde_json::json!({
        "timestamp": super::line::moment(now),
        "level": "WARN",
        "message": "log lines were dropped: the disk was full or too slow",
        "lines": lines,
    });
    format!("{line}\n").into_bytes()
}

fn open_at(folder: &Path, now: DateTime<Utc>) -> io::Result<Open> {
    crate::paths::make_private(folder)?;
    let path = folder.join(NAME);
    // A pipe in its place would hold up whoever opens it.
    if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other(format!("{} is no file", path.display())));
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let bytes = file.metadata()?.len();
    let began_at = if bytes == 0 { now } else { first_moment(&path).unwrap_or(now) };
    Ok(Open { file, bytes, looked_at_bytes: u64::MAX, began_at })
}

/// When the first line was written: files know when they were changed last, which is of no use here.
fn first_moment(path: &Path) -> Option<DateTime<Utc>> {
    #[derive(serde::Deserialize)]
    struct Head {
        timestamp: DateTime<Utc>,
    }
    let mut line = Vec::new();
    BufReader::with_capacity(512, File::open(path).ok()?)
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut line)
        .ok()?;
    serde_json::from_slice::<Head>(&line).ok().map(|head| head.timestamp)
}

/// The file before this one, counted back.
fn numbered(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{NAME}.{number}"))
}

fn rotate(folder: &Path, files: u32) -> io::Result<()> {
    // Also those that are left from when there were more.
    let mut number = files.max(1) - 1;
    while fs::remove_file(numbered(folder, number.max(1))).is_ok() {
        number = number.max(1) + 1;
    }
    for number in (1..files.saturating_sub(1)).rev() {
        rename(&numbered(folder, number), &numbered(folder, number + 1))?;
    }
    if files > 1 {
        rename(&folder.join(NAME), &numbered(folder, 1))
    } else {
        fs::remove_file(folder.join(NAME))
    }
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The end of the log, whole lines, at most so many bytes of it.
#[must_use]
pub fn tail(folder: &Path, bytes: u64) -> String {
    let read = || -> io::Result<String> {
        use std::io::Seek as _;
        let mut file = File::open(folder.join(NAME))?;
        let length = file.metadata()?.len();
        let skipped = length.saturating_sub(bytes);
        file.seek(io::SeekFrom::Start(skipped))?;
        let mut text = Vec::new();
        file.take(bytes).read_to_end(&mut text)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let whole = if skipped > 0 { text.split_once('\n').map_or("", |(_, rest)| rest) } else { &text };
        Ok(whole.to_owned())
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn line(number: u32, at: DateTime<Utc>) -> Vec<u8> {
        format!("{{\"timestamp\":\"{}\",\"n\":\"{number:04}\"}}\n", super::super::line::moment(at))
            .into_bytes()
    }

    #[test]
    fn files_rotate_by_size_and_their_number_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = line(0, noon()).len() as u64;
        let rotation = Rotation { file_bytes: bytes * 3, file_hours: 1_000, files: 3 };
        let mut log = LogFile::new(folder.path(), rotation);
        for number in 0..20 {
            log.write(&line(number, noon()), noon());
        }
        assert_eq!(names(folder.path()), ["agent.log", "agent.log.1", "agent.log.2"]);
        let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(text("agent.log").contains("0019") && text("agent.log.1").contains("0017"));
        assert!(text("agent.log.2").contains("0012") && !text("agent.log.2").contains("0011"));
        // Fewer files are said, and the others go.
        let mut log = LogFile::new(folder.path(), Rotation { files: 1, ..rotation });
        for number in 20..24 {
            log.write(&line(number, noon()), noon());
        }
        assert_eq!(names(folder.path()), ["agent.log"]);
    }

    #[test]
    fn files_rotate_by_age_also_after_a_new_start() {
        let folder = tempfile::tempdir().unwrap();
        let rotation = Rotation { file_hours: 24, ..Rotation::default() };
        LogFile::new(folder.path(), rotation).write(&line(1, noon()), noon());
        let later = noon() + TimeDelta::hours(23);
        LogFile::new(folder.path(), rotation).write(&line(2, later), later);
        assert_eq!(names(folder.path()), ["agent.log"]);
        let next_day = noon() + TimeDelta::hours(24);
        LogFile::new(folder.path(), rotation).write(&line(3, next_day), next_day);
        assert_eq!(names(folder.path()), ["agent.log", "agent.log.1"]);
        // A clock that is set back rotates nothing.
        LogFile::new(folder.path(), rotation).write(&line(4, noon()), noon());
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn a_full_disk_drops_lines_and_says_how_many_later() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile::new(folder.path(), Rotation::default());
        log.look = |_| true;
        for number in 0..3 {
            log.write(&line(number, noon()), noon());
        }
        assert_eq!(fs::metadata(folder.path().join(NAME)).unwrap().len(), 0);
        log.look = |_| false;
        log.write(&line(3, noon()), noon());
        let later = noon() + TimeDelta::seconds(6);
        log.write(&line(4, later), later);
        let text = fs::read_to_string(folder.path().join(NAME)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() == 2 && lines[0].contains("\"lines\":4") && lines[1].contains("0004"), "{text}");
    }

    #[test]
    fn the_end_of_the_log_is_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(tail(folder.path(), 100), "");
        fs::write(folder.path().join(NAME), "one\ntwo\nthree\n").unwrap();
        assert_eq!(tail(folder.path(), 100), "one\ntwo\nthree\n");
        assert_eq!(tail(folder.path(), 8), "three\n");
    }

    // macOS makes named pipes by another call.
    #[cfg(target_os = "linux")]
    #[test]
    fn only_the_owner_reads_the_log_and_a_pipe_in_its_place_holds_nothing_up() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        LogFile::new(&logs, Rotation::default()).write(b"x\n", noon());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&logs), mode(&logs.join(NAME))), (0o700, 0o600));
        fs::remove_file(logs.join(NAME)).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            logs.join(NAME),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let mut log = LogFile::new(&logs, Rotation::default());
        log.write(b"x\n", noon());
        assert_eq!(log.dropped, 1);
    }
}
