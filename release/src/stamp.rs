//! The build stamp: what a program of ours says that it is, in 512 bytes of its own file. Written by the compiler, and by
//! the tool that signs into a copy, so that one program can be made into many builds.

use super::Version;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a stamp begins with; in two parts, so that a program that only reads stamps does not look as if it had one.
const MARK_PARTS: [&str; 2] = ["REEVE-STAMP", "-V1:"];
/// Bytes of [`mark`].
const MARK_BYTES: usize = MARK_PARTS[0].len() + MARK_PARTS[1].len();
/// Bytes of a stamp.
pub const STAMP_BYTES: usize = 512;

/// What a program says that it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// What people call it.
    pub version: String,
    /// Sequence of its release; 0 for a build that is none.
    pub seq: u64,
    /// Tells two builds of one version apart.
    pub build_id: String,
    /// When it was built; the least that a device believes the time to be.
    #[serde(default)]
    pub build_time: Option<DateTime<Utc>>,
}

/// Why there is no stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// Nowhere in the file.
    #[error("has no build stamp")]
    Missing,
    /// More than one.
    #[error("has more than one build stamp")]
    Ambiguous,
    /// It does not read.
    #[error("has a build stamp that cannot be read")]
    Unreadable,
    /// What should be written is too long.
    #[error("has no room for so long a build stamp")]
    TooLong,
}

/// What a stamp begins with.
#[must_use]
pub fn mark() -> Vec<u8> {
    MARK_PARTS.concat().into_bytes()
}

/// The bytes of a stamp at compile time; the words may not need escapes in JSON. An empty `build_time` is none. What is
/// too long is left out, which makes a stamp that does not read.
#[must_use]
pub const fn stamp(version: &str, seq: &str, build_id: &str, build_time: &str) -> [u8; STAMP_BYTES] {
    let mut bytes = [b' '; STAMP_BYTES];
    let mut at = 0;
    at = put(&mut bytes, at, MARK_PARTS[0]);
    at = put(&mut bytes, at, MARK_PARTS[1]);
    at = put(&mut bytes, at, "{\"version\":\"");
    at = put(&mut bytes, at, version);
    at = put(&mut bytes, at, "\",\"seq\":");
    at = put(&mut bytes, at, seq);
    at = put(&mut bytes, at, ",\"build_id\":\"");
    at = put(&mut bytes, at, build_id);
    if build_time.is_empty() {
        put(&mut bytes, at, "\"}");
    } else {
        at = put(&mut bytes, at, "\",\"build_time\":\"");
        at = put(&mut bytes, at, build_time);
        put(&mut bytes, at, "\"}");
    }
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

impl Stamp {
    /// Reads the bytes of a stamp.
    ///
    /// # Errors
    /// [`StampError::Missing`], [`StampError::Unreadable`].
    pub fn read(bytes: &[u8]) -> Result<Self, StampError> {
        let rest = bytes.strip_prefix(mark().as_slice()).ok_or(StampError::Missing)?;
        let rest = rest.get(..STAMP_BYTES - MARK_BYTES).ok_or(StampError::Unreadable)?;
        serde_json::from_slice(rest).map_err(|_| StampError::Unreadable)
    }

    /// Finds the one stamp of a program. A mark that no stamp follows is not one: compilers put words where they like.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn find(program: &[u8]) -> Result<(usize, Self), StampError> {
        let mark = mark();
        let mut found = Err(StampError::Missing);
        for (at, _) in program.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark) {
            match (Self::read(program.get(at..).unwrap_or_default()), &found) {
                (Ok(_), Ok(_)) => return Err(StampError::Ambiguous),
                (Ok(stamp), Err(_)) => found = Ok((at, stamp)),
                (Err(_), Err(_)) => found = Err(StampError::Unreadable),
                (Err(_), Ok(_)) => {}
            }
        }
        found
    }

    /// The bytes to write.
    ///
    /// # Errors
    /// [`StampError::TooLong`].
    pub fn bytes(&self) -> Result<[u8; STAMP_BYTES], StampError> {
        let mut text = mark();
        text.extend(serde_json::to_vec(self).map_err(|_| StampError::Unreadable)?);
        if text.len() > STAMP_BYTES {
            return Err(StampError::TooLong);
        }
        text.resize(STAMP_BYTES, b' ');
        text.try_into().map_err(|_| StampError::TooLong)
    }

    /// Writes another stamp into a program.
    ///
    /// # Errors
    /// When the program has none, or more than one, or it is too long.
    pub fn write(&self, program: &mut [u8]) -> Result<(), StampError> {
        let (at, _) = Self::find(program)?;
        let room = program.get_mut(at..at + STAMP_BYTES).ok_or(StampError::Unreadable)?;
        room.copy_from_slice(&self.bytes()?);
        Ok(())
    }

    /// The version, when it is one that a release may have.
    #[must_use]
    pub fn release_version(&self) -> Option<Version> {
        self.version.parse().ok()
    }
}
