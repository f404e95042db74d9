//! The file of the command keys: each with its seed and the root's word for it, and the root's public key, so that the root
//! itself need not be there.

use crate::{Error, Result, keys, secret};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use entity::{
    command::{Envelope, KeyGrant},
    seal::{self, Purpose, SealKey},
};
use serde::{Deserialize, Serialize};
use std::{fs, path::Path, time::SystemTime};

/// What the file says.
pub(super) struct Document {
    pub(super) root_public: [u8; 32],
    /// The newest first.
    pub(super) keys: Vec<Held>,
}

/// A key that the root lets sign.
pub(super) struct Held {
    seed: [u8; 32],
    pub(super) key: SealKey,
    pub(super) grant: Envelope,
    pub(super) not_before: DateTime<Utc>,
    pub(super) not_after: DateTime<Utc>,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    root_public: String,
    keys: Vec<WrittenKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    seed: String,
    grant: Envelope,
}

impl Held {
    /// A new key with the root's word for it.
    pub(super) fn make(root: &SealKey, not_before: DateTime<Utc>, not_after: DateTime<Utc>) -> Result<Self> {
        let seed = secret::random::<32>()?;
        let key = SealKey::from_seed(&seed);
        let word = KeyGrant {
            keyid: key.keyid().to_owned(),
            public_key: BASE64_STANDARD.encode(key.public()),
            not_before,
            not_after,
        };
        let grant = root
            .seal(Purpose::KeyGrant, &word, Vec::new())
            .map_err(|error| Error::Internal(format!("signing: {error}")))?;
        Ok(Self { seed, key, grant, not_before, not_after })
    }

    pub(super) fn signs_at(&self, now: DateTime<Utc>) -> bool {
        self.not_before <= now && now < self.not_after
    }

    /// A key as it was written, if the root's word is for it.
    fn read(root_public: &[u8; 32], written: WrittenKey) -> Option<Self> {
        let mut seed = [0; 32];
        hex::decode_to_slice(written.seed.trim(), &mut seed).ok()?;
        let key = SealKey::from_seed(&seed);
        let (word, _) = seal::open_by::<KeyGrant>(root_public, Purpose::KeyGrant, &written.grant).ok()?;
        (word.keyid == key.keyid()).then_some(Self {
            seed,
            key,
            grant: written.grant,
            not_before: word.not_before,
            not_after: word.not_after,
        })
    }
}

/// Reads the file, if it is there.
///
/// # Errors
/// When it is damaged; nothing of it is shown.
pub(super) fn read(file: &Path) -> Result<Option<Document>> {
    let damaged = || Error::Internal(format!("{} does not hold command keys", file.display()));
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::Internal(format!("{}: {error}", file.display()))),
    };
    let written: Written = serde_json::from_str(&text).map_err(|_| damaged())?;
    let root_public = BASE64_STANDARD.decode(&written.root_public).ok();
    let root_public: [u8; 32] = root_public.and_then(|bytes| bytes.try_into().ok()).ok_or_else(damaged)?;
    let keys = written.keys.into_iter().map(|key| Held::read(&root_public, key).ok_or_else(damaged));
    Ok(Some(Document { root_public, keys: keys.collect::<Result<_>>()? }))
}

/// Writes the file, for its owner alone; whole or not at all.
pub(super) fn write(file: &Path, document: &Document) -> Result<()> {
    let keys = document.keys.iter();
    let written = Written {
        root_public: BASE64_STANDARD.encode(document.root_public),
        keys: keys
            .map(|held| WrittenKey { seed: hex::encode(held.seed), grant: held.grant.clone() })
            .collect(),
    };
    let text = serde_json::to_vec(&written).map_err(|error| Error::Internal(error.to_string()))?;
    keys::replace_private(file, &text)
}

/// When the file was written last.
pub(super) fn written_at(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|found| found.modified()).ok()
}
