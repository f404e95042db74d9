//! The server's own keys, one file for each purpose. Kept beside the database, never in it.

use crate::{Error, Result, secret};
use ed25519_dalek::SigningKey;
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest as _, Sha256};
use std::{fs, io::Write as _, path::Path};

/// The key that signs what agents later show.
pub(crate) struct Keys {
    /// Names the key in what it signs.
    pub(crate) id: String,
    pub(crate) signing: EncodingKey,
    pub(crate) verifying: DecodingKey,
}

/// PKCS#8 (RFC 8410) head of an Ed25519 private key; the 32 bytes of the seed follow.
const PKCS8_HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

impl Keys {
    /// Reads the key below `data_dir`, or makes it on the first start.
    pub(crate) fn load_or_create(data_dir: &Path) -> Result<Self> {
        Ok(Self::from_seed(&seed(data_dir, "agent-token.key")?))
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

/// The 32 bytes of a key below `data_dir`, made on the first start. One file for each purpose.
pub(crate) fn seed(data_dir: &Path, name: &str) -> Result<[u8; 32]> {
    let folder = data_dir.join("keys");
    let file = folder.join(name);
    let failed = |error: std::io::Error| Error::Internal(format!("{}: {error}", file.display()));
    if !file.exists() {
        private_dir(&folder).map_err(failed)?;
        write_private(&file, hex::encode(secret::random::<32>()?).as_bytes()).map_err(failed)?;
    }
    let text = fs::read_to_string(&file).map_err(failed)?;
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed)
        .map_err(|error| Error::Internal(format!("{}: {error}", file.display())))?;
    Ok(seed)
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
