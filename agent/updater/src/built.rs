//! What this program is, and what another one is, by the build stamp in its file.

use chrono::{DateTime, Utc};
use entity::{
    platform::{Arch, Os},
    release::Libc,
    update::Running,
};
use serde::{Deserialize, Serialize};
use std::{
    hint::black_box,
    io::{self, BufRead as _, Read},
};

/// What a stamp begins with, in two parts: a program that looks for stamps is not to look as if it had another one.
const MARK: [&str; 2] = ["REEVE-STAMP", "-V1:"];
const MARK_BYTES: usize = MARK[0].len() + MARK[1].len();
/// Bytes of a stamp: the mark, JSON, and spaces to the end.
pub const STAMP_BYTES: usize = 512;

/// What a build is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// What people call its release.
    pub version: String,
    /// The sequence of its release; 0 for a build that is none.
    pub seq: u64,
    /// What the build calls itself.
    pub build_id: String,
    /// When it was built; no signed time before it is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_time: Option<DateTime<Utc>>,
}

/// From the compiler's environment; a build that is no release has sequence 0.
static STAMP: [u8; STAMP_BYTES] = stamp(
    or(option_env!("REEVE_VERSION"), env!("CARGO_PKG_VERSION")),
    or(option_env!("REEVE_RELEASE_SEQ"), "0"),
    or(option_env!("REEVE_BUILD_ID"), "unreleased"),
    or(option_env!("REEVE_BUILD_TIME"), ""),
);

/// An empty variable is none.
const fn or(given: Option<&'static str>, otherwise: &'static str) -> &'static str {
    match given {
        Some(given) if !given.is_empty() => given,
        _ => otherwise,
    }
}

/// The bytes of a stamp at compile time. Words that would need escapes in JSON, or that are too long, make a stamp that
/// does not read.
pub(crate) const fn stamp(version: &str, seq: &str, build_id: &str, build_time: &str) -> [u8; STAMP_BYTES] {
    let mut bytes = [b' '; STAMP_BYTES];
    let mut at = put(&mut bytes, 0, MARK[0]);
    at = put(&mut bytes, at, MARK[1]);
    at = put(&mut bytes, at, "{\"version\":\"");
    at = put(&mut bytes, at, version);
    at = put(&mut bytes, at, "\",\"seq\":");
    at = put(&mut bytes, at, seq);
    at = put(&mut bytes, at, ",\"build_id\":\"");
    at = put(&mut bytes, at, build_id);
    if !build_time.is_empty() {
        at = put(&mut bytes, at, "\",\"build_time\":\"");
        at = put(&mut bytes, at, build_time);
    }
    put(&mut bytes, at, "\"}");
    bytes
}

const fn put(bytes: &mut [u8; STAMP_BYTES], at: usize, text: &str) -> usize {
    let text = text.as_bytes();
    let mut index = 0;
    while index < text.len() && at + index < STAMP_BYTES {
        bytes[at + index] = text[index];
        index += 1;
    }
    at + index
}

fn read(stamp: &[u8]) -> Option<Built> {
    let json = std::str::from_utf8(stamp.get(MARK_BYTES..)?).ok()?;
    serde_json::from_str(json.trim_end()).ok()
}

/// What this program is. Read at run time, because the stamp may have been changed after the compiler was done.
#[must_use]
pub fn of_this() -> Built {
    read(black_box(&STAMP)).unwrap_or_else(|| Built {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seq: 0,
        build_id: "unknown".to_owned(),
        build_time: None,
    })
}

/// What a build is as the wire says it, without the digest, which only a supervisor knows.
#[must_use]
pub fn running(built: &Built) -> Running {
    Running {
        version: built.version.clone(),
        seq: built.seq,
        build_id: built.build_id.clone(),
        sha256: None,
        libc: libc(),
        is_supervised: false,
    }
}

impl Built {
    /// What this program is.
    #[must_use]
    pub fn of_this() -> Self {
        of_this()
    }
}

/// The stamp of a program; none when it has none.
///
/// # Errors
/// Whatever the reader says.
pub fn find(mut program: impl Read) -> io::Result<Option<Built>> {
    let mut finder = Finder::default();
    let mut piece = vec![0; 64 * 1024];
    loop {
        match program.read(&mut piece)? {
            0 => return Ok(finder.found()),
            count => finder.feed(piece.get(..count).unwrap_or_default()),
        }
    }
}

/// For which platform this program was built.
#[must_use]
pub const fn platform() -> (Os, Arch) {
    let os = if cfg!(windows) {
        Os::Windows
    } else if cfg!(target_os = "macos") {
        Os::Macos
    } else {
        Os::Linux
    };
    (os, if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 })
}

/// For which C library this program was built; Linux only.
#[must_use]
pub const fn libc() -> Option<Libc> {
    if !cfg!(target_os = "linux") {
        None
    } else if cfg!(target_env = "musl") {
        Some(Libc::Musl)
    } else {
        Some(Libc::Gnu)
    }
}

/// Finds the stamp in a file piece by piece, so that no program has to fit into memory.
#[derive(Debug)]
pub struct Finder {
    mark: Vec<u8>,
    /// The end of what was seen, in which a stamp may have begun.
    rest: Vec<u8>,
    found: Option<Built>,
}

impl Default for Finder {
    fn default() -> Self {
        Self { mark: MARK.concat().into_bytes(), rest: Vec::new(), found: None }
    }
}

impl Finder {
    /// Looks at the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        if self.found.is_some() {
            return;
        }
        self.rest.extend_from_slice(piece);
        let mut from = 0;
        while let Some(at) = position(self.rest.get(from..).unwrap_or_default(), &self.mark) {
            let start = from + at;
            let Some(stamp) = self.rest.get(start..start + STAMP_BYTES) else {
                // Not all of it is here yet.
                self.rest.drain(..start);
                return;
            };
            self.found = read(stamp);
            if self.found.is_some() {
                self.rest = Vec::new();
                return;
            }
            from = start + 1;
        }
        let keep = self.rest.len().min(self.mark.len() - 1);
        self.rest.drain(..self.rest.len() - keep);
    }

    /// What was found.
    #[must_use]
    pub fn found(self) -> Option<Built> {
        self.found
    }
}

fn position(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    let first = *mark.first()?;
    let mut rest = bytes;
    loop {
        // The standard library's own search for a byte is many times faster than looking at each.
        rest.skip_until(first).ok()?;
        let at = bytes.len().checked_sub(rest.len())?.checked_sub(1)?;
        if bytes.get(at..)?.starts_with(mark) {
            return Some(at);
        }
        if rest.is_empty() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_knows_what_it_is() {
        let mine = of_this();
        assert!(!mine.version.is_empty() && !mine.build_id.is_empty());
        let inspected =
            crate::fs::inspect(std::fs::File::open(std::env::current_exe().unwrap()).unwrap()).unwrap();
        assert_eq!(inspected.stamp, Some(mine));
        let found = inspected.platform.expect("it is a program");
        assert_eq!((found.os, found.arch), platform());
    }

    #[test]
    fn a_stamp_is_found_wherever_the_pieces_are_cut() {
        let mut program = vec![7; 1000];
        // A mark that no stamp follows is passed over.
        program.extend(MARK.concat().into_bytes());
        program.extend([0; 700]);
        program.extend(stamp("1.2.3", "12", "b12", ""));
        program.extend([1; 90]);
        for size in [1, 2, 14, 15, 16, 100, 511, 512, 513, 4096] {
            let mut finder = Finder::default();
            program.chunks(size).for_each(|piece| finder.feed(piece));
            let found = finder.found().expect("it is there");
            assert_eq!((found.version.as_str(), found.seq), ("1.2.3", 12), "pieces of {size}");
        }
        let mut finder = Finder::default();
        finder.feed(&program[..1200]);
        assert_eq!(finder.found(), None);
    }
}
