//! Brings the file up to the present version: a backup first, then the new file, and back again when that does not work;
//! and back to it, when an agent is put back to a version from before a migration.

use super::{Config, ConfigError, Found, former, path, read, settings, write};
use crate::{error_report, machine, paths::Paths};
use chrono::{DateTime, Utc};
use entity::error_report::ErrorKind;
use serde_json::json;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::PathBuf,
};
use updater::durable::{Mode, sync_folder_of, write_atomic};

/// Tries for a name that no other backup of the same second has.
const NAMES_MAX: u32 = 100;

/// Reads the configuration and, where it is of another version, writes it anew. To be called by the one agent that runs.
/// Where the new file cannot be written the agent goes on with what it read, and that is reported.
///
/// # Errors
/// Names the file, the field and the place; nothing was changed then.
pub fn settle(paths: &Paths, now: DateTime<Utc>) -> Result<Option<Config>, ConfigError> {
    let Some(found) = read(paths)? else { return Ok(None) };
    if let Some(later) = &found.later {
        return Ok(Some(come_back(paths, &found, later, now)));
    }
    let from = found.version;
    if from < found.config.config_version {
        tracing::info!(from, to = found.config.config_version, "the configuration is migrated");
        match migrate(paths, &found, now) {
            Ok(backup) => {
                let backup = backup.display().to_string();
                tracing::info!(
                    from,
                    to = found.config.config_version,
                    backup,
                    "the configuration was migrated"
                );
            }
            Err(error) => {
                tracing::error!(%error, from, "the configuration could not be migrated; the file is as it was");
                let details =
                    json!({ "from": from, "to": found.config.config_version, "error": error.to_string() });
                let message = "config.json could not be written in its new version";
                error_report::note(ErrorKind::ConfigMigrationFailed, message, details);
            }
        }
    }
    Ok(Some(keep_version(paths, found.config)))
}

/// Writes down which version of the agent runs.
fn keep_version(paths: &Paths, config: Config) -> Config {
    if config.current_version == machine::version() {
        return config;
    }
    tracing::info!(
        from = config.current_version,
        to = machine::version(),
        "another version of the agent runs"
    );
    let config = Config { current_version: machine::version().to_owned(), ..config };
    if let Err(error) = write(paths, &config) {
        tracing::warn!(%error, "current_version could not be written down");
    }
    config
}

fn migrate(paths: &Paths, found: &Found, now: DateTime<Utc>) -> io::Result<PathBuf> {
    let backup = back_up(paths, &found.bytes, now)?;
    // A file of another name is not touched, and is found by an agent that is put back.
    if found.path == path(paths) {
        former::keep(paths, found.version, &found.bytes)?;
    }
    // What the server set is only what it says again at the next welcome.
    if let Some(settings) = &found.settings {
        settings::keep_former(paths, settings);
    }
    let written = write(paths, &found.config).and_then(|()| check(paths, &found.config));
    if let Err(error) = written {
        revert(paths, found);
        return Err(error);
    }
    Ok(backup)
}

/// This agent took the place of a later one: what it had before is its configuration again. What the later one made of it
/// is kept as a backup, and made anew from this one when it comes again.
fn come_back(paths: &Paths, found: &Found, later: &[u8], now: DateTime<Utc>) -> Config {
    let config = Config { current_version: machine::version().to_owned(), ..found.config.clone() };
    let file = found.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let put_back = back_up(paths, later, now)
        .and_then(|backup| write(paths, &config).and_then(|()| check(paths, &config)).map(|()| backup));
    match put_back {
        Ok(backup) => {
            let backup = backup.display().to_string();
            tracing::warn!(
                file,
                backup,
                "config.json was of a later version: what this agent had before takes its place"
            );
        }
        Err(error) => {
            tracing::error!(%error, file, "config.json is of a later version and could not be put back");
            let details = json!({ "file": file, "error": error.to_string() });
            let message = "config.json could not be put back to its former version";
            error_report::note(ErrorKind::ConfigMigrationFailed, message, details);
        }
    }
    config
}

/// What was written is read again: a file that the next start cannot read must not take the place of one that it can.
fn check(paths: &Paths, expected: &Config) -> io::Result<()> {
    match read(paths) {
        Ok(Some(found)) if found.config == *expected => Ok(()),
        Ok(_) => Err(io::Error::other("the new file does not hold what was written")),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

fn revert(paths: &Paths, found: &Found) {
    let path = path(paths);
    let reverted = if found.path == path {
        match fs::read(&path) {
            Ok(bytes) if bytes == found.bytes => Ok(()),
            _ => write_atomic(&path, &found.bytes, Mode::Private),
        }
    } else {
        // The former file has another name and was not touched.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    };
    if let Err(error) = reverted {
        tracing::error!(target: crate::log::FATAL, %error, "the former configuration could not be put back");
    }
}

/// Keeps a configuration that cannot be used, before another one takes its place.
///
/// # Errors
/// Whatever the file system refuses.
pub fn set_aside(paths: &Paths, now: DateTime<Utc>) -> io::Result<()> {
    for path in [path(paths), paths.registration()] {
        // As much of it as a configuration may have.
        match fs::metadata(&path) {
            Ok(found) if found.is_file() && found.len() <= super::BYTES_MAX => {
                back_up(paths, &fs::read(&path)?, now)?;
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

/// Keeps what is there beside it, under the time of the backup. What is kept already is not kept twice.
fn back_up(paths: &Paths, bytes: &[u8], now: DateTime<Utc>) -> io::Result<PathBuf> {
    if let Some(same) = backups(paths).into_iter().find(|path| fs::read(path).is_ok_and(|kept| kept == bytes))
    {
        return Ok(same);
    }
    let stamp = now.format("%Y%m%d%H%M%S");
    for number in 0..NAMES_MAX {
        let name = match number {
            0 => format!("config.json.{stamp}.bak"),
            number => format!("config.json.{stamp}.{number}.bak"),
        };
        let path = paths.folder().join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(mut file) => {
                let kept = file.write_all(bytes).and_then(|()| file.sync_all());
                if let Err(error) = kept {
                    // Half a backup is none.
                    let _ = fs::remove_file(&path);
                    return Err(error);
                }
                sync_folder_of(&path)?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "there are too many backups of this second"))
}

/// The backups, the newest first.
#[must_use]
pub fn backups(paths: &Paths) -> Vec<PathBuf> {
    let is_backup = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("config.json.") && name.ends_with(".bak")
    };
    let entries = fs::read_dir(paths.folder()).into_iter().flatten().flatten();
    let mut backups: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_backup).collect();
    backups.sort_unstable_by(|a, b| b.cmp(a));
    backups
}
