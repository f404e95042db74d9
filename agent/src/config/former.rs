//! The configuration as versions before a migration had it, `config.v<version>.json` beside `config.json`: an agent that
//! is put back to one of them goes on with what it can read, whatever a later one made of `config.json`.

use super::{Config, Found, VERSION, read_bounded, understand};
use crate::paths::Paths;
use serde_json::{Map, Value};
use std::{fs, io, path::PathBuf};
use updater::durable::{Mode, write_atomic};

/// What the machine is to its server, by the names that every version has for it.
const REGISTERED: [&str; 7] = [
    "server_url",
    "websocket_url",
    "device_id",
    "device_name",
    "business_id",
    "service_location_id",
    "registered_at",
];

/// The file of a version.
#[must_use]
pub fn path(paths: &Paths, version: u64) -> PathBuf {
    paths.folder().join(format!("config.v{version}.json"))
}

/// Keeps what a version had, as it is, before a later one takes its place.
///
/// # Errors
/// Whatever the file system refuses.
pub fn keep(paths: &Paths, version: u64, bytes: &[u8]) -> io::Result<()> {
    write_atomic(&path(paths, version), bytes, Mode::Private)
}

/// The newest of them that this agent can read.
pub(super) fn read(paths: &Paths) -> Option<Found> {
    (1..=VERSION).rev().find_map(|version| {
        let path = path(paths, version);
        let bytes = read_bounded(&path).ok().flatten()?;
        understand(path, bytes).ok().filter(|found| found.version == version)
    })
}

/// The machine has become another device: it is that for former versions too.
///
/// # Errors
/// Whatever the file system refuses.
pub fn renew(paths: &Paths, config: &Config) -> io::Result<()> {
    let present = serde_json::to_value(config)?;
    for version in 1..=VERSION {
        let path = path(paths, version);
        if fs::symlink_metadata(&path).is_err() {
            continue;
        }
        let bytes = read_bounded(&path).ok().flatten().unwrap_or_default();
        match serde_json::from_slice::<Map<String, Value>>(&bytes) {
            Ok(mut former) => {
                for name in REGISTERED {
                    let value = present.get(name).cloned().unwrap_or(Value::Null);
                    former.insert(name.to_owned(), value);
                }
                keep(paths, version, &serde_json::to_vec_pretty(&former)?)?;
            }
            // It could only be taken for the device that this machine is no more.
            Err(_) => fs::remove_file(&path)?,
        }
    }
    Ok(())
}
