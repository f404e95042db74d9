//! How far everything has been read, kept in a file. It is written before the lines go into the spool, and holds what was
//! before too: whichever of the two a crash leaves unfinished, the next start finds where to go on, so that no line is
//! lost and none comes twice.

use super::file::Followed;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, io, path::Path};
use updater::durable::{Mode, write_atomic};

/// How far everything has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// Paths that have been watched: files that appear under them are read from their beginning.
    pub paths: Vec<String>,
    /// The files.
    pub files: Vec<Followed>,
    /// How far the logs of the system were read: a cursor of the journal, or the last number of each event log.
    pub system: BTreeMap<String, String>,
    /// Lines left out in all.
    pub suppressed: u64,
}

/// What the file holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// How far everything is read once the spool has everything up to [`Kept::to`].
    pub now: Reading,
    /// How far it was before.
    pub before: Option<Reading>,
    /// The last position of the spool before.
    pub from: u64,
    /// The last position of the spool with what was read.
    pub to: u64,
}

impl Kept {
    /// Reads it; nothing when there is none. A damaged one counts as none: then logs are followed from their end.
    pub fn load(path: &Path) -> Self {
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, "how far the logs were read is damaged: they are followed from their end");
                Self::default()
            }),
            Err(_) => Self::default(),
        }
    }

    /// Keeps it.
    pub fn keep(&self, path: &Path) -> io::Result<()> {
        write_atomic(path, &serde_json::to_vec(self)?, Mode::Private)
    }
}
