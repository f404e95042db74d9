//! Passwords that were stolen elsewhere: a short list that is built in, and an operator's own of any size. Neither
//! asks another server.

use crate::{Error, Result};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::{
    cmp::Ordering,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
    sync::{Mutex, PoisonError},
};

/// The built-in list; its head says where it comes from.
const COMMON: &str = include_str!("common.txt");
/// Hexadecimal digits of a line of it.
const DIGITS: usize = 10;
/// Hexadecimal digits of a SHA-1.
const HASH_DIGITS: usize = 40;
/// A line of a file: digits, a colon, a count and the end of the line.
const LINE_MAX: usize = 80;

/// Is this among the passwords that are tried first? In lower case.
pub(super) fn is_common(password: &str) -> bool {
    let Some(digests) = digests() else { return false };
    let wanted = hex::encode(Sha256::digest(password.as_bytes()));
    let wanted = &wanted.as_bytes()[..DIGITS];
    let (mut low, mut high) = (0, digests.len() / (DIGITS + 1));
    while low < high {
        let middle = low.midpoint(high);
        let start = middle * (DIGITS + 1);
        match digests[start..start + DIGITS].cmp(wanted) {
            Ordering::Equal => return true,
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
        }
    }
    false
}

/// The lines after the head, each as long as the others.
fn digests() -> Option<&'static [u8]> {
    let last_of_head = COMMON.rfind("\n#")? + 1;
    let start = last_of_head + COMMON[last_of_head..].find('\n')? + 1;
    Some(&COMMON.as_bytes()[start..])
}

/// An operator's file in the format of Pwned Passwords, ordered by hash: lines of a SHA-1 in hexadecimal digits, a
/// colon and a count. Some 40 GB of it are searched with some 40 reads; nothing is kept in memory.
pub(crate) struct BreachedList {
    file: Mutex<File>,
    bytes: u64,
}

impl BreachedList {
    /// Opens a list and looks at its beginning and its end.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let wrong = |what: String| Error::Internal(format!("the list of breached passwords: {what}"));
        let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
        let bytes = file.metadata().map_err(|error| wrong(error.to_string()))?.len();
        let list = Self { file: Mutex::new(file), bytes };
        let ends = [list.line_at(0), list.line_at(bytes.saturating_sub(1))];
        let [first, last] = ends.map(|line| line.map_err(|error| wrong(error.to_string())));
        let is_good =
            |line: &Line| line.hash.len() == HASH_DIGITS && line.hash.bytes().all(|c| c.is_ascii_hexdigit());
        let (first, last) = (first?, last?);
        if !is_good(&first) || !is_good(&last) || first.hash > last.hash {
            return Err(wrong(
                "each line must be a SHA-1 in hexadecimal digits, a colon and a count, ordered by hash"
                    .to_owned(),
            ));
        }
        Ok(list)
    }

    /// Is this password in the list? Blocks.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub(crate) fn contains(&self, password: &str) -> Result<bool> {
        let wanted = hex::encode_upper(Sha1::digest(password.as_bytes()));
        self.search(&wanted)
            .map_err(|error| Error::Internal(format!("the list of breached passwords: {error}")))
    }

    fn search(&self, wanted: &str) -> io::Result<bool> {
        let (mut low, mut high) = (0, self.bytes);
        while low < high {
            let line = self.line_at(low.midpoint(high))?;
            match line.hash.as_str().cmp(wanted) {
                Ordering::Equal => return Ok(true),
                Ordering::Less => low = line.end.max(low + 1),
                Ordering::Greater => high = line.start,
            }
        }
        Ok(false)
    }

    /// The line that holds this byte.
    fn line_at(&self, byte: u64) -> io::Result<Line> {
        let from = byte.saturating_sub(LINE_MAX as u64);
        let mut around = Vec::with_capacity(2 * LINE_MAX);
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(from))?;
            (&mut *file).take(2 * LINE_MAX as u64).read_to_end(&mut around)?;
        }
        let at = usize::try_from(byte - from).unwrap_or(usize::MAX).min(around.len());
        let start = around[..at].iter().rposition(|c| *c == b'\n').map_or(0, |newline| newline + 1);
        let end =
            around[at..].iter().position(|c| *c == b'\n').map_or(around.len(), |newline| at + newline + 1);
        if (start == 0 && from > 0) || end - start > LINE_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
        }
        let digits = around[start..end].iter().take_while(|c| c.is_ascii_hexdigit()).take(HASH_DIGITS + 1);
        Ok(Line {
            hash: digits.map(|c| char::from(c.to_ascii_uppercase())).collect(),
            start: from + start as u64,
            end: from + end as u64,
        })
    }
}

/// A line of the file.
struct Line {
    hash: String,
    /// Its first byte, and the one after its last.
    start: u64,
    end: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn the_built_in_list_is_in_order_and_finds_what_is_in_it() {
        let lines: Vec<_> =
            digests().expect("a list").split(|c| *c == b'\n').filter(|line| !line.is_empty()).collect();
        assert!(lines.len() > 9_000, "{}", lines.len());
        assert!(lines.iter().all(|line| line.len() == DIGITS && line.iter().all(u8::is_ascii_hexdigit)));
        assert!(lines.is_sorted());
        for common in ["password", "qwerty123456", "1qaz2wsx3edc4rfv", "administrator"] {
            assert!(is_common(common), "{common}");
        }
        assert!(!is_common("correct horse battery staple"));
    }

    fn list_of(passwords: &[String], end: &str) -> tempfile::NamedTempFile {
        let mut lines: Vec<_> = passwords
            .iter()
            .enumerate()
            .map(|(n, password)| {
                format!("{}:{}", hex::encode_upper(Sha1::digest(password.as_bytes())), n * n * 977)
            })
            .collect();
        lines.sort();
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(lines.join(end).as_bytes()).expect("written");
        file
    }

    #[test]
    fn every_line_of_an_operators_list_is_found_and_nothing_else() {
        for (many, end) in [(1, "\n"), (2, "\r\n"), (1_000, "\r\n"), (999, "\n")] {
            let passwords: Vec<_> = (0..many).map(|n| format!("stolen password {n}")).collect();
            let file = list_of(&passwords, end);
            let list = BreachedList::open(file.path()).expect("opens");
            for password in &passwords {
                assert!(list.contains(password).expect("reads"), "{password} of {many}");
            }
            for n in 0..200 {
                assert!(!list.contains(&format!("my own sentence {n}")).expect("reads"));
            }
        }
    }

    #[test]
    fn what_is_no_such_list_is_refused() {
        for text in ["", "password\n123456\n", "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8", "B:1\nA:1\n"] {
            let mut file = tempfile::NamedTempFile::new().expect("a file");
            file.write_all(text.as_bytes()).expect("written");
            let is_hash = text.len() == HASH_DIGITS;
            assert_eq!(BreachedList::open(file.path()).is_ok(), is_hash, "{text}");
        }
        assert!(BreachedList::open(Path::new("/nowhere/at/all")).is_err());
    }
}
