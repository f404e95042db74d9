//! How long things may take and how much is asked of a new build, in one place.

use serde::Deserialize;
use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    time::Duration,
};

/// Largest file of terms.
const BYTES_MAX: u64 = 16 * 1024;

/// The terms. Times are in milliseconds. Tests and labs shorten them with `reeve-updater run --terms FILE`; whatever the
/// file does not name stays as it is in [`Terms::USUAL`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// A build on trial lives at least this long without ending.
    pub alive_ms: u64,
    /// So many ends are forgiven; the next one fails the trial.
    pub exits_max: u32,
    /// The new program says what it is within this time of its start.
    pub hello_ms: u64,
    /// Between two signs of life.
    pub beat_ms: u64,
    /// So many may be missed in a row; then the program hangs.
    pub beats_missed_max: u32,
    /// It may hang so often, each time being ended, before the trial fails.
    pub hangs_max: u32,
    /// Signed receipts that are needed.
    pub receipts_min: u32,
    /// Between two requests for a receipt; the first and the last receipt lie at least this far apart.
    pub receipt_every_ms: u64,
    /// Batches that the server has to acknowledge.
    pub batches_min: u64,
    /// After this long without a receipt the build before is asked whether it reaches the server.
    pub reach_ms: u64,
    /// Between two such questions while the network is away.
    pub control_every_ms: u64,
    /// A trial takes at most this much time in which a server could be reached.
    pub active_max_ms: u64,
    /// A trial takes at most this long in all.
    pub trial_max_ms: u64,
    /// A trial is begun at most so often: anew by each restart of the machine, and of the supervisor where the system does
    /// not say when it was restarted.
    pub attempts_max: u32,
    /// Resident memory of the program on trial, in bytes.
    pub memory_max_bytes: u64,
    /// The program that runs has this long to put everything away.
    pub quiesce_ms: u64,
    /// It has this long to end in order before it is ended by force.
    pub stop_ms: u64,
    /// A program has this long to say what it is when asked beforehand.
    pub probe_ms: u64,
    /// Between two such questions while the network is away.
    pub probe_every_ms: u64,
    /// A download may take this long.
    pub download_max_ms: u64,
    /// Between two tries of a download that did not come to its end.
    pub download_every_ms: u64,
    /// What lies ready waits at most this long.
    pub staged_max_ms: u64,
    /// Between two questions whether to go on, while the server cannot be asked.
    pub go_every_ms: u64,
    /// The server has to say within this time whether to go on.
    pub go_max_ms: u64,
    /// So many crashes …
    pub crashes_max: u32,
    /// … within this time bring the kept build back, however long ago it was confirmed.
    pub crash_window_ms: u64,
    /// So many starts in a row without an agent that comes up …
    pub heal_starts: u32,
    /// … over at least this time have another program stand in for it. An agent that lives this long has come up.
    pub heal_ms: u64,
    /// A new supervisor stays when an agent has spoken to it for this long.
    pub own_alive_ms: u64,
    /// Without a fresh timestamp for so long, updates are said to be frozen.
    pub frozen_ms: u64,
    /// A file that another program holds open is waited for this long.
    pub held_max_ms: u64,
    /// Free room on the disk that an update leaves besides twice its size, in bytes.
    pub spare_bytes: u64,
    /// Tries that a build has before it is denied for a time.
    pub tries_max: u32,
    /// For how long it is denied then; doubled with each further failure.
    pub deny_ms: u64,
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const MIB: u64 = 1024 * 1024;

impl Terms {
    /// What is in force unless somebody says otherwise.
    pub const USUAL: Self = Self {
        alive_ms: 10 * MINUTE,
        exits_max: 2,
        hello_ms: 30 * SECOND,
        beat_ms: 5 * SECOND,
        beats_missed_max: 6,
        hangs_max: 1,
        receipts_min: 2,
        receipt_every_ms: MINUTE,
        batches_min: 1,
        reach_ms: 5 * MINUTE,
        control_every_ms: MINUTE,
        active_max_ms: 30 * MINUTE,
        trial_max_ms: 24 * HOUR,
        attempts_max: 5,
        memory_max_bytes: 256 * MIB,
        quiesce_ms: 30 * SECOND,
        stop_ms: 8 * SECOND,
        probe_ms: 30 * SECOND,
        probe_every_ms: MINUTE,
        download_max_ms: 6 * HOUR,
        download_every_ms: 10 * MINUTE,
        staged_max_ms: 24 * HOUR,
        go_every_ms: 20 * SECOND,
        go_max_ms: 5 * MINUTE,
        crashes_max: 3,
        crash_window_ms: 15 * MINUTE,
        heal_starts: 5,
        heal_ms: 10 * MINUTE,
        own_alive_ms: 2 * MINUTE,
        frozen_ms: 72 * HOUR,
        held_max_ms: MINUTE,
        spare_bytes: 64 * MIB,
        tries_max: 3,
        deny_ms: 24 * HOUR,
    };

    /// Reads terms from a file that nobody but root and this process's own user can have written.
    ///
    /// # Errors
    /// When others could have written it, or it cannot be understood.
    pub fn read(path: &Path) -> io::Result<Self> {
        let refuse = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let file = File::open(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let about = file.metadata()?;
            let mine = rustix::process::geteuid().as_raw();
            if !about.is_file() || (about.uid() != 0 && about.uid() != mine) || about.mode() & 0o022 != 0 {
                return Err(refuse(format!("{}: others could have written it", path.display())));
            }
        }
        let mut text = String::new();
        file.take(BYTES_MAX).read_to_string(&mut text)?;
        serde_json::from_str(&text).map_err(|error| refuse(format!("{}: {error}", path.display())))
    }

    /// Seconds between requests for receipts, as the channel says it.
    #[must_use]
    pub fn receipt_every_seconds(&self) -> u32 {
        u32::try_from(self.receipt_every_ms.div_ceil(SECOND)).unwrap_or(u32::MAX).max(1)
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self::USUAL
    }
}

/// Milliseconds as a duration.
#[must_use]
pub const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("terms.json");
        std::fs::write(&path, r#"{"alive_ms": 5, "exits_max": 1}"#).unwrap();
        let terms = Terms::read(&path).unwrap();
        assert_eq!(terms, Terms { alive_ms: 5, exits_max: 1, ..Terms::USUAL });
        std::fs::write(&path, r#"{"alive": 5}"#).unwrap();
        assert!(Terms::read(&path).unwrap_err().to_string().contains("alive"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_write_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("terms.json");
        std::fs::write(&path, "{}").unwrap();
        for mode in [0o602, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(Terms::read(&path).unwrap_err().to_string().contains("others"), "{mode:o}");
        }
    }
}
