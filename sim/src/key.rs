//! A device key, and what is signed and sent with it.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use entity::{
    agent_token::{ChallengeProof, challenge_message},
    facts::Facts,
    platform::{Arch, Os},
    registration::RegisterRequest,
};
use std::fmt;

/// The secret half of a device key: 32 bytes, so that ten thousand of them are small.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// A key that nobody else has.
    #[must_use]
    pub fn fresh() -> Self {
        let mut bytes = [0; 32];
        if getrandom::fill(&mut bytes).is_err() {
            // Good enough for a machine that does not exist.
            fastrand::fill(&mut bytes);
        }
        Self(bytes)
    }

    /// The key that [`Key::to_hex`] wrote down.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The key as text; a secret.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// The whole key, for what is not said here.
    #[must_use]
    pub fn signing(&self) -> SigningKey {
        SigningKey::from_bytes(&self.0)
    }

    /// The public half, as the wire writes it.
    #[must_use]
    pub fn public(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.signing().verifying_key().as_bytes())
    }

    /// A signature, as the wire writes it.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.signing().sign(message).to_bytes())
    }

    /// The answer to a challenge.
    #[must_use]
    pub fn prove(&self, challenge: String) -> ChallengeProof {
        let signature = self.sign(&challenge_message(&challenge));
        ChallengeProof { challenge, signature }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(secret)")
    }
}

/// What a machine with this key asks to become a device.
#[must_use]
pub fn register_request(token: &str, key: &Key, facts: Facts) -> RegisterRequest {
    RegisterRequest {
        token: token.to_owned(),
        device_public_key: key.public(),
        hostname: facts.hostname.clone(),
        os_type: Os::Linux,
        os_architecture: Arch::X86_64,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        facts,
    }
}
