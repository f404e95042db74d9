//! The build stamp: what a program of ours says that it is, in 512 bytes of its own file. The compiler leaves the place
//! (`updater::built`); this writes it into a copy, so that a build can be named after it was made.

use crate::{
    arguments::StampFile,
    file::{self, Readers},
    say,
};
use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use entity::release::{BUILD_ID_MAX, Sha256Hex, is_build_id};
use serde::{Deserialize, Serialize};

/// What a stamp begins with.
const MARK: &[u8] = b"REEVE-STAMP-V1:";
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

impl Stamp {
    /// Reads the bytes of a stamp.
    ///
    /// # Errors
    /// [`StampError::Missing`], [`StampError::Unreadable`].
    pub fn read(bytes: &[u8]) -> Result<Self, StampError> {
        let rest = bytes.strip_prefix(MARK).ok_or(StampError::Missing)?;
        let rest = rest.get(..STAMP_BYTES - MARK.len()).ok_or(StampError::Unreadable)?;
        serde_json::from_slice(rest).map_err(|_| StampError::Unreadable)
    }

    /// Finds the one stamp of a program. A mark that no stamp follows is not one: compilers put words where they like.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn find(program: &[u8]) -> Result<(usize, Self), StampError> {
        let mut found = Err(StampError::Missing);
        for (at, _) in program.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK) {
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
        let mut text = MARK.to_vec();
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

/// `stamp`.
pub fn stamp(given: &StampFile) -> Result<()> {
    if !is_build_id(&given.build_id) {
        bail!("--build-id: must be 1 to {BUILD_ID_MAX} printable characters without spaces");
    }
    let shown = given.file.display();
    let mut program = file::program(&given.file)?;
    let stamp = Stamp {
        version: given.version.to_string(),
        seq: given.seq,
        build_id: given.build_id.clone(),
        build_time: given.build_time,
    };
    stamp.write(&mut program).with_context(|| format!("{shown}"))?;
    file::create(&given.out, &program, Readers::Program)?;
    say(&format!("{}  {}", Sha256Hex::of(&program), given.out.display()))
}
