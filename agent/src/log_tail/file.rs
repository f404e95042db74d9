//! One file that is followed: how far it was read, and whether it is still the file that was read.

use serde::{Deserialize, Serialize};
use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

/// What is read at once.
const SLICE_BYTES: usize = 64 * 1024;
/// A line that has no end within so many bytes is cut.
const LINE_BYTES_MAX: usize = 32 * 1024;
/// What is looked at of a line.
const KEPT_BYTES: usize = 8 * 1024;
/// Bytes before the offset that have to be the same the next time.
const TAIL_BYTES: usize = 48;

/// A file whatever its name: device and inode, or on Windows the time when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity(u64, u64);

impl Identity {
    /// Of an open file, or of one that was looked up.
    pub fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            Self(metadata.dev(), metadata.ino())
        }
        #[cfg(windows)]
        {
            use std::os::windows::fs::MetadataExt as _;
            Self(0, metadata.creation_time())
        }
        #[cfg(not(any(unix, windows)))]
        {
            let _ = metadata;
            Self(0, 0)
        }
    }
}

/// A file that is followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// Its name when it was last seen under one that is watched.
    pub path: PathBuf,
    /// The file itself.
    pub identity: Identity,
    /// Everything before was read.
    pub offset: u64,
    /// The bytes before the offset, hex: another file under the same identity, or one that was cut off and written
    /// anew, has others there.
    #[serde(default)]
    pub(super) tail: String,
    /// The offset lies within a line that was too long: what follows of it is passed by.
    #[serde(default)]
    pub(super) is_within_line: bool,
}

impl Followed {
    /// From its beginning.
    pub fn from_start(path: PathBuf, identity: Identity) -> Self {
        Self { path, identity, offset: 0, tail: String::new(), is_within_line: false }
    }

    /// From its end: what was written before nobody asked for.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    pub fn from_end(path: PathBuf) -> io::Result<Self> {
        let mut file = open(&path)?;
        let metadata = file.metadata()?;
        let mut followed = Self::from_start(path, Identity::of(&metadata));
        followed.offset = metadata.len();
        let tail = bytes_before(&mut file, followed.offset)?;
        // A line whose end is missing is not one that was written after.
        followed.is_within_line = tail.last().is_some_and(|last| *last != b'\n');
        followed.tail = hex::encode(tail);
        Ok(followed)
    }

    /// Begins anew, for a file that was cut off or replaced.
    pub fn rewind(&mut self) {
        (self.offset, self.is_within_line) = (0, false);
        self.tail.clear();
    }

    /// Does this open file go on where this one was read?
    pub fn goes_on_in(&self, file: &mut File) -> bool {
        file.metadata().is_ok_and(|metadata| metadata.len() >= self.offset)
            && bytes_before(file, self.offset).is_ok_and(|bytes| hex::encode(bytes) == self.tail)
    }

    /// Reads some of what is new, calls back for every line, and answers whether there may be more. `is_over`: nothing
    /// will be added any more, so that what has no line end is a line too.
    ///
    /// # Errors
    /// Whatever the file system refuses; what was called back for stays read.
    pub fn read(&mut self, file: &mut File, is_over: bool, mut show: impl FnMut(&str)) -> io::Result<bool> {
        file.seek(SeekFrom::Start(self.offset))?;
        let mut slice = Vec::with_capacity(SLICE_BYTES);
        file.take(SLICE_BYTES as u64).read_to_end(&mut slice)?;
        let is_full = slice.len() == SLICE_BYTES;
        let mut used = 0;
        for line in slice.split_inclusive(|byte| *byte == b'\n') {
            let is_whole = line.last() == Some(&b'\n');
            let is_last = is_over && !is_full;
            if !is_whole && !is_last && line.len() < LINE_BYTES_MAX {
                break;
            }
            used += line.len();
            let is_rest = std::mem::replace(&mut self.is_within_line, !is_whole && !is_last);
            if !is_rest {
                show_line(line, &mut show);
            }
        }
        self.advance(&slice[..used]);
        Ok(is_full && used > 0)
    }

    fn advance(&mut self, read: &[u8]) {
        self.offset += read.len() as u64;
        let mut tail = hex::decode(&self.tail).unwrap_or_default();
        tail.extend_from_slice(&read[read.len().saturating_sub(TAIL_BYTES)..]);
        self.tail = hex::encode(&tail[tail.len().saturating_sub(TAIL_BYTES)..]);
    }
}

/// What is no text is no line: a zero stands in no log.
fn show_line(line: &[u8], show: &mut impl FnMut(&str)) {
    let kept = &line[..line.len().min(KEPT_BYTES)];
    if kept.contains(&0) {
        return;
    }
    let text = String::from_utf8_lossy(kept);
    let text = text.trim_end();
    if !text.is_empty() {
        show(text);
    }
}

fn bytes_before(file: &mut File, offset: u64) -> io::Result<Vec<u8>> {
    let from = offset.saturating_sub(TAIL_BYTES as u64);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::with_capacity(TAIL_BYTES);
    file.take(offset - from).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a plain file for reading; never waits for another end, and never follows a last link.
///
/// # Errors
/// Whatever the file system refuses, and everything that is no plain file.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a plain file")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, io::Write as _};

    fn lines(followed: &mut Followed, is_over: bool) -> Vec<String> {
        let mut file = open(&followed.path).unwrap();
        assert!(followed.goes_on_in(&mut file));
        let mut lines = Vec::new();
        while followed.read(&mut file, is_over, |line| lines.push(line.to_owned())).unwrap() {}
        lines
    }

    fn begun(text: &[u8]) -> (tempfile::TempDir, Followed) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        fs::write(&path, text).unwrap();
        let identity = Identity::of(&fs::metadata(&path).unwrap());
        (folder, Followed::from_start(path, identity))
    }

    fn add(followed: &Followed, text: &[u8]) {
        OpenOptions::new().append(true).open(&followed.path).unwrap().write_all(text).unwrap();
    }

    #[test]
    fn a_line_counts_once_it_has_ended() {
        let (_folder, mut followed) = begun(b"one\ntw");
        assert_eq!(lines(&mut followed, false), ["one"]);
        assert_eq!(lines(&mut followed, false), Vec::<String>::new());
        add(&followed, b"o\r\n\nthree");
        assert_eq!(lines(&mut followed, false), ["two"]);
        assert_eq!(lines(&mut followed, true), ["three"]);
    }

    #[test]
    fn very_long_lines_are_cut_and_their_rest_is_passed_by() {
        let long = vec![b'x'; 3 * SLICE_BYTES + 17];
        let (_folder, mut followed) = begun(&long);
        let first = lines(&mut followed, false);
        assert_eq!(first.iter().map(String::len).collect::<Vec<_>>(), [KEPT_BYTES]);
        add(&followed, b"still the same line\nnext\n");
        assert_eq!(lines(&mut followed, false), ["next"]);
        add(&followed, &[b'y'; LINE_BYTES_MAX]);
        add(&followed, b"\nafter\n");
        let last = lines(&mut followed, false);
        assert_eq!((last[0].len(), last[1].as_str()), (KEPT_BYTES, "after"));
    }

    #[test]
    fn what_is_no_text_is_shown_as_far_as_it_can_be() {
        let (_folder, mut followed) = begun(b"a\xff\xfeb\n\0\x01binary\nafter\n");
        assert_eq!(lines(&mut followed, false), ["a\u{fffd}\u{fffd}b", "after"]);
    }

    #[test]
    fn another_file_under_the_same_name_is_found_out() {
        let (_folder, mut followed) = begun(b"2026-11-21 one\n2026-11-21 two\n");
        lines(&mut followed, false);
        let goes_on = |followed: &Followed| followed.goes_on_in(&mut open(&followed.path).unwrap());
        fs::write(&followed.path, "shorter\n").unwrap();
        assert!(!goes_on(&followed), "cut off");
        fs::write(&followed.path, "2026-11-21 four\n2026-11-21 five\n2026-11-21 six\n").unwrap();
        assert!(!goes_on(&followed), "written anew, and longer already");
        followed.rewind();
        assert_eq!(lines(&mut followed, false).len(), 3);
    }

    #[test]
    fn from_the_end_means_from_the_next_line() {
        let (_folder, followed) = begun(b"before\nhalf a li");
        let mut followed = Followed::from_end(followed.path).unwrap();
        add(&followed, b"ne\nafter\n");
        assert_eq!(lines(&mut followed, false), ["after"]);
    }
}
