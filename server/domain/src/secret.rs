//! Random secrets and the digests under which they are stored.

use crate::{Error, Result};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// Random bytes from the operating system.
///
/// # Errors
/// When the operating system has none to give.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
    Ok(bytes)
}

/// A secret of 256 bits, fit for a cookie or a link.
///
/// # Errors
/// When the system gives no random numbers.
pub fn opaque() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// Letters and digits that cannot be mistaken for each other (Crockford's base 32, lower case).
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `groups` groups of `length` letters with dashes between them; five bits a letter.
pub(crate) fn readable(groups: usize, length: usize) -> Result<String> {
    let bytes = random::<64>()?;
    let letters: Vec<u8> =
        bytes.iter().take(groups * length).map(|byte| LETTERS[usize::from(byte & 31)]).collect();
    let groups: Vec<_> = letters.chunks(length).map(String::from_utf8_lossy).collect();
    Ok(groups.join("-"))
}

/// The digest under which a secret of high entropy is stored: SHA-256, hex.
pub(crate) fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// A name for a request that nothing else has.
#[must_use]
pub fn request_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}
