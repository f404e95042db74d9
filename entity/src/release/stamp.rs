//! The build stamp: what a program of ours says that it is, in 512 bytes of its own file. Written by the compiler, and by
//! the tool that signs into a copy, so that one program can be made into many builds.

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

/// The bytes of a stamp, made by the compiler. An empty `build_time` is none.
///
/// # Panics
/// While compiling, when a value is not printable ASCII without quotes, or all together are too long.
#[must_use]
pub const fn stamp(version: &str, seq: &str, build_id: &str, build_time: &str) -> [u8; STAMP_BYTES] {
    let stamp = put(put(([b' '; STAMP_BYTES], 0), MARK_PARTS[0]), MARK_PARTS[1]);
    let stamp = put_value(put(stamp, "{\"version\":\""), version);
    let stamp = put_value(put(stamp, "\",\"seq\":"), seq);
    let stamp = put_value(put(stamp, ",\"build_id\":\""), build_id);
    let stamp =
        if build_time.is_empty() { stamp } else { put_value(put(stamp, "\",\"build_time\":\""), build_time) };
    put(stamp, "\"}").0
}

/// Writes where the text before ended; answers where this one does.
const fn put(stamp: ([u8; STAMP_BYTES], usize), text: &str) -> ([u8; STAMP_BYTES], usize) {
    let (mut bytes, at) = stamp;
    let text = text.as_bytes();
    assert!(at + text.len() <= STAMP_BYTES, "the build stamp has no room for so much");
    let mut index = 0;
    while index < text.len() {
        bytes[at + index] = text[index];
        index += 1;
    }
    (bytes, at + index)
}

/// A value from outside: nothing that would end its quotes.
const fn put_value(stamp: ([u8; STAMP_BYTES], usize), text: &str) -> ([u8; STAMP_BYTES], usize) {
    let mut index = 0;
    while index < text.len() {
        let byte = text.as_bytes()[index];
        assert!(
            byte.is_ascii_graphic() && byte != b'"' && byte != b'\\',
            "a build stamp takes printable ASCII without spaces and quotes"
        );
        index += 1;
    }
    put(stamp, text)
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
        for (at, _) in program.windows(MARK_BYTES).enumerate().filter(|(_, window)| *window == mark) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_compiler_writes_reads_and_can_be_written_anew() {
        const WRITTEN: [u8; STAMP_BYTES] = stamp("1.4.0-beta.1", "12", "8f3c2a1", "2026-11-21T09:00:00Z");
        let first = Stamp::read(&WRITTEN).expect("it reads");
        assert_eq!(
            (first.version.as_str(), first.seq, first.build_id.as_str()),
            ("1.4.0-beta.1", 12, "8f3c2a1")
        );
        assert!(first.build_time.is_some());
        assert_eq!(first.bytes(), Ok(WRITTEN), "both write the same");
        let mut program = [vec![7; 900], mark(), vec![8; 700], WRITTEN.to_vec(), vec![9; 10]].concat();
        let at = 900 + MARK_BYTES + 700;
        assert_eq!(Stamp::find(&program), Ok((at, first.clone())), "a mark without a stamp is passed over");
        let second = Stamp { seq: 13, build_time: None, ..first };
        second.write(&mut program).expect("there is room");
        assert_eq!(Stamp::find(&program), Ok((at, second.clone())));
        assert_eq!(Stamp::read(&stamp("0.1.0", "0", "x", "")).map(|stamp| stamp.build_time), Ok(None));

        let long = Stamp { build_id: "x".repeat(STAMP_BYTES), ..second };
        assert_eq!(long.write(&mut program), Err(StampError::TooLong));
        assert_eq!(Stamp::find(&[program.clone(), program.clone()].concat()), Err(StampError::Ambiguous));
        assert_eq!(Stamp::find(&program[..at + 100]), Err(StampError::Unreadable));
        assert_eq!(
            Stamp::find(&program[..at]),
            Err(StampError::Unreadable),
            "the mark that no stamp follows"
        );
        assert_eq!(Stamp::find(b""), Err(StampError::Missing));
        assert_eq!(Stamp::read(b"{}"), Err(StampError::Missing));
    }
}
