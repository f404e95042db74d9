//! The mark: how far the server has acknowledged, and what was lost on the way.

use crate::paths::make_private;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use updater::durable::{Mode, write_atomic};

/// How far the server has acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mark {
    /// Number of the last acknowledged sample.
    pub position: u64,
    /// When that was.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Samples dropped in all because the spool was full, or the server refused them.
    pub dropped: u64,
    /// Damaged lines skipped in all.
    pub corrupt: u64,
}

fn path(folder: &Path) -> PathBuf {
    folder.join("mark.json")
}

impl Mark {
    /// Reads the mark; the beginning when there is none. A damaged one counts as none: repeats are harmless.
    pub fn load(folder: &Path) -> Self {
        fs::read(path(folder)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Keeps the mark.
    pub fn keep(&self, folder: &Path) -> io::Result<()> {
        make_private(folder)?;
        write_atomic(&path(folder), &serde_json::to_vec(self)?, Mode::Private)
    }
}
