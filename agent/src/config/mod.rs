//! The configuration, `config.json` in the data directory: typed, checked, brought up from every older version. What the
//! server sets lies apart from it, in `settings.json`, and cannot touch it.

mod error;
mod fields;
pub mod former;
mod migrate;
mod settings;
mod v1;
mod v2;

pub use error::ConfigError;
pub use migrate::{backups, set_aside, settle};
pub use settings::{keep as keep_settings, load as load_settings, remember as remember_settings};
pub use v2::{Choices, Config, VERSION};

use crate::{machine, paths::Paths};
use fields::Fields;
use serde_json::Value;
use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};
use updater::durable::{Mode, write_atomic};

/// Largest file that is read; an honest one has less than two kilobytes.
pub const BYTES_MAX: u64 = 64 * 1024;

/// The file.
#[must_use]
pub fn path(paths: &Paths) -> PathBuf {
    paths.folder().join("config.json")
}

/// What a file held, whatever its age.
#[derive(Clone, Debug)]
pub struct Found {
    /// The configuration, in its present form.
    pub config: Config,
    /// The version that it was of.
    pub version: u64,
    /// The server's settings, where the version kept them in the same file.
    settings: Option<Value>,
    /// The file and what was in it.
    path: PathBuf,
    bytes: Vec<u8>,
    /// What a later version of the agent left as `config.json`, where this is what lies beside it.
    later: Option<Vec<u8>>,
}

impl Found {
    /// True: `config.json` is of a later version, and this is what an earlier one had.
    #[must_use]
    pub const fn is_former(&self) -> bool {
        self.later.is_some()
    }
}

/// Reads the configuration without changing anything; none when this machine is not registered. Where a later version of
/// the agent has been here and left what this one had, that is what is read.
///
/// # Errors
/// Names the file, the field and the place.
pub fn read(paths: &Paths) -> Result<Option<Found>, ConfigError> {
    for path in [path(paths), paths.registration()] {
        let named = |error: ConfigError| ConfigError { path: path.clone(), ..error };
        if let Some(bytes) = read_bounded(&path).map_err(named)? {
            return match understand(path.clone(), bytes.clone()) {
                Err(error) if error.is_later => match former::read(paths) {
                    Some(found) => Ok(Some(Found { later: Some(bytes), ..found })),
                    None => Err(named(error)),
                },
                understood => understood.map(Some).map_err(named),
            };
        }
    }
    Ok(None)
}

fn read_bounded(path: &Path) -> Result<Option<Vec<u8>>, ConfigError> {
    let refused = |error: &io::Error| ConfigError::file(format!("the file cannot be read: {error}"));
    // A pipe in its place would hold up whoever opens it.
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(ConfigError::file("this is no file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(&error)),
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| refused(&error))?;
    if bytes.len() as u64 > BYTES_MAX {
        let kib = BYTES_MAX / 1024;
        return Err(ConfigError::file(format!(
            "the file is larger than {kib} KiB, which no configuration is"
        )));
    }
    Ok(Some(bytes))
}

/// What a backup holds, where it can be read.
#[must_use]
pub fn read_backup(path: &Path) -> Option<Config> {
    let bytes = read_bounded(path).ok().flatten()?;
    understand(path.to_owned(), bytes).ok().map(|found| found.config)
}

fn understand(path: PathBuf, bytes: Vec<u8>) -> Result<Found, ConfigError> {
    let fields = Fields::parse(&bytes)?;
    let version = version_of(&fields)?;
    let migrating = |error| ConfigError { is_migration: true, ..error };
    let (config, settings) = match version {
        1 => {
            let migrated = v1::migrate(&fields, machine::version()).map_err(migrating)?;
            (Config::read(fields.with(migrated.config)).map_err(migrating)?, Some(migrated.settings))
        }
        _ => (Config::read(fields)?, None),
    };
    Ok(Found { config, version, settings, path, bytes, later: None })
}

/// Files of version 1 do not say what they are.
fn version_of(fields: &Fields<'_>) -> Result<u64, ConfigError> {
    let name = "config_version";
    match fields.map().get(name) {
        None => Ok(1),
        Some(value) => match value.as_u64() {
            Some(version @ 1..=v2::VERSION) => Ok(version),
            Some(newer) if newer > v2::VERSION => {
                let detail = format!(
                    "this file is of version {newer}, and this agent ({}) knows versions up to {}; install an agent that is \
                     as new as the file",
                    machine::version(),
                    v2::VERSION
                );
                Err(ConfigError { is_later: true, ..fields.error(name, detail) })
            }
            _ => Err(fields.error(name, format!("expected a whole number from 1, found {value}"))),
        },
    }
}

/// Writes the configuration, whole or not at all.
///
/// # Errors
/// Whatever the file system refuses.
pub fn write(paths: &Paths, config: &Config) -> io::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(config)?;
    bytes.push(b'\n');
    write_atomic(&path(paths), &bytes, Mode::Private)
}

#[cfg(test)]
mod tests;
