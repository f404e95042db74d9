//! What is remembered of the services from one run of the agent to the next, in `monitored-services.json`.

use super::machine::Seen;
use crate::paths::Paths;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
};
use updater::durable::{Mode, write_atomic};

/// Largest file that is read.
const BYTES_MAX: u64 = 256 * 1024;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// In which boot the services were seen; in another one they all run anew.
    pub boot_id: Option<String>,
    /// By name.
    pub services: BTreeMap<String, Memory>,
}

/// What is remembered of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// How it was found last, when it was settled.
    pub seen: Option<Seen>,
    /// How often it was seen to run anew.
    pub restart_count: u64,
    /// When it last did.
    pub last_restart_at: Option<DateTime<Utc>>,
    /// When this agent tried to restart it, within the last hour.
    pub tries: Vec<DateTime<Utc>>,
}

fn path(paths: &Paths) -> PathBuf {
    paths.folder().join("monitored-services.json")
}

/// Reads it; what cannot be read is forgotten.
#[must_use]
pub fn load(paths: &Paths, boot_id: Option<&str>) -> Kept {
    let read = || -> io::Result<Kept> {
        let mut bytes = Vec::new();
        File::open(path(paths))?.take(BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes)?)
    };
    let mut kept = read().unwrap_or_default();
    if kept.boot_id.as_deref() != boot_id || boot_id.is_none() {
        for memory in kept.services.values_mut() {
            memory.seen = None;
        }
    }
    kept.boot_id = boot_id.map(str::to_owned);
    kept
}

/// Writes it.
///
/// # Errors
/// Whatever the file system refuses.
pub fn keep(paths: &Paths, kept: &Kept) -> io::Result<()> {
    write_atomic(&path(paths), &serde_json::to_vec(kept)?, Mode::Private)
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::system_service::ServiceStatus;

    #[test]
    fn another_boot_begins_anew_but_counts_on() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        let seen = Seen { status: Some(ServiceStatus::Running), ..Seen::default() };
        let memory = Memory { seen: Some(seen), restart_count: 3, ..Memory::default() };
        let kept =
            Kept { boot_id: Some("a".to_owned()), services: BTreeMap::from([("x".to_owned(), memory)]) };
        keep(&paths, &kept).unwrap();
        assert_eq!(load(&paths, Some("a")), kept);
        for other in [Some("b"), None] {
            let found = load(&paths, other);
            assert_eq!((found.services["x"].seen.clone(), found.services["x"].restart_count), (None, 3));
        }
        std::fs::write(path(&paths), "{ torn").unwrap();
        assert_eq!(load(&paths, Some("a")).services.len(), 0);
    }
}
