//! `releases.log`: one line of JSON for everything that was ever signed, each with the digest of the line before. Lines
//! are only added, so that a manifest that was signed in silence is missed by whoever compares.

use crate::file;
use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use entity::release::{Channel, Manifest, Sha256Hex, Version};
use serde::{Deserialize, Serialize};
use std::{fs::OpenOptions, io::Write as _, path::Path};

/// Largest log: a hundred thousand entries.
const LOG_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Which line it is, from 1.
    pub n: u64,
    /// When it was signed.
    pub at: DateTime<Utc>,
    /// Of the release.
    pub channel: Channel,
    /// Of the release.
    pub seq: u64,
    /// Of the release.
    pub version: Version,
    /// Until when it is good.
    pub expires: DateTime<Utc>,
    /// SHA-256 of the payload of the manifest: what timestamps name.
    pub manifest_sha256: Sha256Hex,
    /// [`Entry::hash`] of the line before; of the first one 64 zeros.
    pub previous: Sha256Hex,
    /// SHA-256 of this line without this field.
    pub hash: Option<Sha256Hex>,
}

impl Entry {
    fn digest(&self) -> Result<Sha256Hex> {
        let without = serde_json::to_vec(&Self { hash: None, ..self.clone() })?;
        Ok(Sha256Hex::of(&[b"reeve.releases.v1\n".as_slice(), &without].concat()))
    }
}

/// The whole record.
#[derive(Debug, Default)]
pub struct Log {
    pub entries: Vec<Entry>,
}

impl Log {
    /// Reads the record and checks its chain; one that does not exist has no entries.
    pub fn read(path: &Path) -> Result<Self> {
        if path.try_exists().with_context(|| format!("{}: cannot be looked at", path.display()))? {
            Self::of(path)
        } else {
            Ok(Self::default())
        }
    }

    /// Reads a record that exists and checks its chain.
    pub fn of(path: &Path) -> Result<Self> {
        let shown = path.display();
        let bytes = file::limited(path, LOG_BYTES_MAX)?;
        let text = String::from_utf8(bytes).with_context(|| format!("{shown}: is no text"))?;
        if !text.is_empty() && !text.ends_with('\n') {
            bail!("{shown}: its last line was cut off");
        }
        let mut log = Self::default();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let entry: Entry = serde_json::from_str(line)
                .with_context(|| format!("{shown}: line {number} cannot be read"))?;
            if entry.n != number as u64 || entry.previous != log.end()? || entry.hash != Some(entry.digest()?)
            {
                bail!("{shown}: line {number} does not follow the one before; the record was changed");
            }
            log.entries.push(entry);
        }
        Ok(log)
    }

    /// The digest that the next line has to name.
    fn end(&self) -> Result<Sha256Hex> {
        let last = self.entries.last().and_then(|entry| entry.hash.clone());
        last.map_or_else(|| "0".repeat(64).parse().map_err(anyhow::Error::msg), Ok)
    }

    /// The highest sequence that was ever signed.
    pub fn highest_seq(&self) -> u64 {
        self.entries.iter().map(|entry| entry.seq).max().unwrap_or(0)
    }

    /// True when this very manifest was written down.
    pub fn names(&self, manifest_sha256: &Sha256Hex) -> bool {
        self.entries.iter().any(|entry| entry.manifest_sha256 == *manifest_sha256)
    }

    /// Writes down what is about to be handed on; on the disk when this returns.
    pub fn append(&self, path: &Path, manifest: &Manifest, manifest_sha256: Sha256Hex) -> Result<()> {
        let mut entry = Entry {
            n: self.entries.len() as u64 + 1,
            at: manifest.issued,
            channel: manifest.channel,
            seq: manifest.seq,
            version: manifest.version.clone(),
            expires: manifest.expires,
            manifest_sha256,
            previous: self.end()?,
            hash: None,
        };
        entry.hash = Some(entry.digest()?);
        let line = serde_json::to_string(&entry)? + "\n";
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("{}: cannot be opened", path.display()))?;
        file.write_all(line.as_bytes())
            .and_then(|()| file.sync_all())
            .with_context(|| format!("{}: cannot be written", path.display()))
    }
}
