//! Reading and writing files: never more than fits, never over something that is there.

use anyhow::{Context as _, Result, bail};
use entity::release::{ARTIFACT_BYTES_MAX, MANIFEST_BYTES_MAX};
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    path::Path,
};

/// Reads a document.
pub fn text(path: &Path) -> Result<String> {
    let bytes = limited(path, MANIFEST_BYTES_MAX as u64)?;
    String::from_utf8(bytes)
        .map(|text| text.trim().to_owned())
        .with_context(|| format!("{}: is no text", path.display()))
}

/// Reads a program.
pub fn program(path: &Path) -> Result<Vec<u8>> {
    limited(path, ARTIFACT_BYTES_MAX)
}

/// Reads a file that may not be longer.
pub fn limited(path: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("{shown}: cannot be opened"))?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).with_context(|| format!("{shown}: cannot be read"))?;
    if bytes.len() as u64 > bytes_max {
        bail!("{shown}: is longer than {bytes_max} bytes");
    }
    Ok(bytes)
}

/// Who may read a new file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone, where the system knows such a thing.
    Owner,
    /// Whom the system's usual mode lets.
    Usual,
    /// The same, and they may start it.
    Program,
}

/// Writes a file that does not exist yet, whole and on the disk.
pub fn create(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    let shown = path.display();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(match readers {
            Readers::Owner => 0o600,
            Readers::Usual => 0o666,
            Readers::Program => 0o777,
        });
    }
    #[cfg(not(unix))]
    let _ = readers;
    let mut file = match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{shown}: is there already, and nothing is ever written over")
        }
        other => other.with_context(|| format!("{shown}: cannot be made"))?,
    };
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("{shown}: cannot be written"))
}

/// Puts a text in the place of a file: whole or not at all.
pub fn replace(path: &Path, text: &str) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let new = path.with_file_name(name);
    create(&new, text.as_bytes(), Readers::Usual)?;
    std::fs::rename(&new, path).with_context(|| format!("{}: cannot be replaced", path.display()))
}
