//! The device key: made on the device, never leaves it; and the key that is about to take its place.

use crate::paths::Paths;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use entity::{
    agent_token::{ChallengeProof, challenge_message, key_rotation_message},
    command::chain_head_message,
    id::DeviceId,
};
use sha2::{Digest as _, Sha256};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use updater::durable::{Mode, rename, write_atomic};

/// The Ed25519 key that proves which device this is.
pub struct DeviceKey(SigningKey);

impl DeviceKey {
    /// Makes a key and keeps it in a file that only its owner can read.
    ///
    /// # Errors
    /// When there is no source of chance or the file cannot be written.
    pub fn make(path: &Path) -> io::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        write_atomic(path, URL_SAFE_NO_PAD.encode(seed).as_bytes(), Mode::Private)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Reads the key.
    ///
    /// # Errors
    /// When the file is not there or holds something else.
    pub fn load(path: &Path) -> io::Result<Self> {
        let seed = URL_SAFE_NO_PAD
            .decode(fs::read_to_string(path)?.trim())
            .ok()
            .and_then(|seed| seed.try_into().ok());
        let seed: [u8; 32] =
            seed.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it does not hold a device key"))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// The public half as it is sent.
    #[must_use]
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.verifying_key().as_bytes())
    }

    /// SHA-256 of the public half, first 16 hex digits: to compare with the portal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(&Sha256::digest(self.0.verifying_key().as_bytes())[..8])
    }

    /// Answers a challenge.
    #[must_use]
    pub fn prove(&self, challenge: String) -> ChallengeProof {
        let signature = self.0.sign(&challenge_message(&challenge));
        ChallengeProof { signature: URL_SAFE_NO_PAD.encode(signature.to_bytes()), challenge }
    }

    /// Signs how far the device's own record of commands has come.
    #[must_use]
    pub fn sign_chain_head(&self, device_id: DeviceId, seq: u64, hash: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.0.sign(&chain_head_message(device_id, seq, hash)).to_bytes())
    }

    /// Signs that another key takes its place, or that it takes another's.
    #[must_use]
    pub fn sign_rotation(&self, challenge: &str, new_public_key: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.0.sign(&key_rotation_message(challenge, new_public_key)).to_bytes())
    }
}

/// The key of this device, and where it and its successor are kept.
pub struct Identity {
    path: PathBuf,
    next_path: PathBuf,
    key: DeviceKey,
}

impl Identity {
    /// Reads the key.
    ///
    /// # Errors
    /// When the file is not there or holds something else.
    pub fn load(paths: &Paths) -> io::Result<Self> {
        let path = paths.key();
        Ok(Self { key: DeviceKey::load(&path)?, next_path: paths.next_key(), path })
    }

    /// The key that is used.
    #[must_use]
    pub const fn key(&self) -> &DeviceKey {
        &self.key
    }

    /// The key that is about to take the place; made when there is none. A crash leaves it to be found again.
    ///
    /// # Errors
    /// When it can neither be read nor made.
    pub fn next(&self) -> io::Result<DeviceKey> {
        match DeviceKey::load(&self.next_path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => DeviceKey::make(&self.next_path),
            other => other,
        }
    }

    /// Keys on the disk that are not the one used: replaced by another program, or left half-way by a crash.
    #[must_use]
    pub fn others(&self) -> Vec<DeviceKey> {
        let found = [&self.path, &self.next_path].into_iter().filter_map(|path| DeviceKey::load(path).ok());
        found.filter(|key| key.public() != self.key.public()).collect()
    }

    /// Uses the key that the server has taken; it becomes the one on the disk.
    ///
    /// # Errors
    /// When the file cannot be moved; the key is used all the same.
    pub fn settle(&mut self, key: DeviceKey) -> io::Result<()> {
        let is_next = DeviceKey::load(&self.next_path).is_ok_and(|next| next.public() == key.public());
        self.key = key;
        if is_next { rename(&self.next_path, &self.path) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signature, VerifyingKey};

    #[test]
    fn a_key_survives_and_its_proof_can_be_checked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.key");
        let made = DeviceKey::make(&path).unwrap();
        let key = DeviceKey::load(&path).unwrap();
        assert_eq!(made.public(), key.public());
        assert_eq!(key.fingerprint().len(), 16);
        let public: [u8; 32] = URL_SAFE_NO_PAD.decode(key.public()).unwrap().try_into().unwrap();
        let proof = key.prove("abc".to_owned());
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(&proof.signature).unwrap()).unwrap();
        let checker = VerifyingKey::from_bytes(&public).unwrap();
        assert!(checker.verify_strict(&challenge_message("abc"), &signature).is_ok());
        assert!(checker.verify_strict(b"abc", &signature).is_err());
    }

    #[test]
    fn a_broken_key_is_said_to_be_broken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.key");
        fs::write(&path, "nonsense").unwrap();
        assert_eq!(DeviceKey::load(&path).err().map(|e| e.kind()), Some(io::ErrorKind::InvalidData));
    }
}
