//! The device key: made on the device, never leaves it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use entity::agent_token::{ChallengeProof, challenge_message};
use sha2::{Digest as _, Sha256};
use std::{fs, io, path::Path};
use updater::durable::{Mode, write_atomic};

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
