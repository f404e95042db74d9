//! Secrets that have to be read again, such as those of authenticator apps: encrypted with a key that lies beside the
//! database, never in it.

use crate::{Error, Result, keys, secret};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    Key, KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// Bytes of a nonce of XChaCha20.
const NONCE: usize = 24;

/// Encrypts and decrypts.
pub(crate) struct Seal {
    cipher: XChaCha20Poly1305,
    print: String,
}

impl Seal {
    /// The file that the key lies in.
    pub(crate) const FILE: &'static str = "seal.key";

    /// Reads the key below `data_dir`, or makes it on the first start.
    pub(crate) fn load_or_create(data_dir: &Path) -> Result<Self> {
        let key = keys::seed(data_dir, Self::FILE)?;
        let print = Sha256::new().chain_update("reeve seal key print v1\n").chain_update(key).finalize();
        Ok(Self { cipher: XChaCha20Poly1305::new(&Key::from(key)), print: hex::encode(&print[..8]) })
    }

    /// By which the key can be told from others, and from which it cannot be found.
    pub(crate) fn print(&self) -> &str {
        &self.print
    }

    /// Encrypts a secret for one place; it can be opened for no other.
    pub(crate) fn close(&self, place: &str, secret: &[u8]) -> Result<String> {
        let nonce = secret::random::<NONCE>()?;
        let payload = Payload { msg: secret, aad: place.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| failed())?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Decrypts what was closed for this place.
    pub(crate) fn open(&self, place: &str, sealed: &str) -> Result<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| failed())?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or_else(failed)?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| failed())
    }
}

fn failed() -> Error {
    Error::Internal(
        "a stored secret cannot be read: keys/seal.key is not the one that it was stored with".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_where_it_was_closed_for_and_with_the_same_key() {
        let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let seal = Seal::load_or_create(here.path()).expect("a key");
        let sealed = seal.close("totp 1", b"secret").expect("closes");
        assert!(!sealed.contains("secret"));
        assert_eq!(
            Seal::load_or_create(here.path()).expect("the same").open("totp 1", &sealed).expect("opens"),
            b"secret"
        );
        assert!(seal.open("totp 2", &sealed).is_err());
        assert!(Seal::load_or_create(there.path()).expect("another").open("totp 1", &sealed).is_err());
        assert!(seal.open("totp 1", &sealed[..20]).is_err());
    }
}
