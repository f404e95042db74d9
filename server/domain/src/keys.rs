//! The server's own keys, one file for each purpose. Kept beside the database, never in it.

use crate::{Error, Result, secret};
use ed25519_dalek::SigningKey;
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest as _, Sha256};
use std::{fs, io::Write as _, path::Path};

/// The key that signs what agents later show.
pub(crate) struct Keys {
    /// Names the key in what it signs; a print of it.
    pub(crate) id: String,
    pub(crate) signing: EncodingKey,
    pub(crate) verifying: DecodingKey,
}

/// PKCS#8 (RFC 8410) head of an Ed25519 private key; the 32 bytes of the seed follow.
const PKCS8_HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

impl Keys {
    /// The file that the key lies in.
    pub(crate) const FILE: &'static str = "agent-token.key";

    /// Reads the key below `data_dir`, or makes it on the first start.
    pub(crate) fn load_or_create(data_dir: &Path) -> Result<Self> {
        Ok(Self::from_seed(&seed(data_dir, Self::FILE)?))
    }

    fn from_seed(seed: &[u8; 32]) -> Self {
        let public = SigningKey::from_bytes(seed).verifying_key();
        Self {
            id: hex::encode(&Sha256::digest(public.as_bytes())[..8]),
            signing: EncodingKey::from_ed_der(&[PKCS8_HEAD.as_slice(), seed].concat()),
            verifying: DecodingKey::from_ed_der(public.as_bytes()),
        }
    }
}

/// Is there a key of this name below `data_dir`?
pub(crate) fn exists(data_dir: &Path, name: &str) -> bool {
    data_dir.join("keys").join(name).exists()
}

/// The name of the server whose keys are below `data_dir`, as it calls itself; `None` before its first start.
///
/// # Errors
/// When the key is there and cannot be read.
pub fn fingerprint(data_dir: &Path) -> Result<Option<String>> {
    let is_there = data_dir.join("keys").join("agent-token.key").exists();
    is_there.then(|| Keys::load_or_create(data_dir).map(|keys| keys.id)).transpose()
}

/// The 32 bytes of a key below `data_dir`, made on the first start. One file for each purpose.
pub(crate) fn seed(data_dir: &Path, name: &str) -> Result<[u8; 32]> {
    seed_in(&data_dir.join("keys").join(name))
}

/// The 32 bytes of a key in this file, made when it is not there.
pub(crate) fn seed_in(file: &Path) -> Result<[u8; 32]> {
    if !file.exists() {
        replace_private(file, hex::encode(secret::random::<32>()?).as_bytes())?;
    }
    read_seed(file)
}

/// The 32 bytes of a key in this file, which is there.
pub(crate) fn read_seed(file: &Path) -> Result<[u8; 32]> {
    let text = fs::read_to_string(file).map_err(failed(file))?;
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed)
        .map_err(|error| Error::Internal(format!("{}: {error}", file.display())))?;
    Ok(seed)
}

/// Writes a file that only its owner may read, in a folder that only its owner may enter; whole or not at all.
pub(crate) fn replace_private(file: &Path, bytes: &[u8]) -> Result<()> {
    match file.parent() {
        Some(folder) if !folder.is_dir() => private_dir(folder).map_err(failed(file))?,
        _ => {}
    }
    write_private(file, bytes).map_err(failed(file))
}

fn failed(file: &Path) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::Internal(format!("{}: {error}", file.display()))
}

/// Makes a folder that only its owner may enter.
fn private_dir(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Writes a new file that only its owner may read; whole or not at all.
fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh = file.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut out = options.open(&fresh)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(fresh, file)
}
