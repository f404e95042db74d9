//! What the server sets, in `settings.json`: a bounded set of its own. It is kept so that an agent that starts without
//! its server works as it did before.

use crate::paths::Paths;
use entity::wire::Settings;
use serde_json::Value;
use std::{
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
};
use tokio::sync::watch;
use updater::durable::{Mode, write_atomic};

/// Largest file that is read.
const BYTES_MAX: u64 = 256 * 1024;

fn path(paths: &Paths) -> PathBuf {
    paths.folder().join("settings.json")
}

/// The settings that were in force last, or the usual ones: nothing about them is worth not starting for.
#[must_use]
pub fn load(paths: &Paths) -> Settings {
    let read = || -> io::Result<Settings> {
        let mut bytes = Vec::new();
        File::open(path(paths))?.take(BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes)?)
    };
    match read() {
        Ok(settings) => settings.bounded(),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(%error, "settings.json cannot be read: the usual settings hold until the server says others");
            }
            Settings::default()
        }
    }
}

/// Keeps them.
///
/// # Errors
/// Whatever the file system refuses.
pub fn keep(paths: &Paths, settings: &Settings) -> io::Result<()> {
    write_atomic(&path(paths), &serde_json::to_vec_pretty(settings)?, Mode::Private)
}

/// Keeps what an older version had among its configuration, as far as it can be read.
pub(super) fn keep_former(paths: &Paths, former: &Value) {
    let Ok(settings) = serde_json::from_value::<Settings>(former.clone()) else { return };
    if let Err(error) = keep(paths, &settings.bounded()) {
        tracing::warn!(%error, "settings.json could not be written");
    }
}

/// Keeps them whenever the server says others.
pub async fn remember(paths: Paths, mut settings: watch::Receiver<Settings>) {
    while settings.changed().await.is_ok() {
        let settings = settings.borrow_and_update().clone();
        if let Err(error) = keep(&paths, &settings) {
            tracing::warn!(%error, "settings.json could not be written");
        }
    }
}
