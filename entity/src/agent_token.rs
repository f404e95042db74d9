//! How an agent proves which device it is: a challenge, signed with the device key, becomes a short-lived token.

use serde::{Deserialize, Serialize};

/// Seconds that an agent token lives.
pub const AGENT_TOKEN_SECONDS: u32 = 15 * 60;
/// Seconds that a challenge can be answered.
pub const CHALLENGE_SECONDS: u32 = 60;
/// Set before the challenge when it is signed, so that this signature can stand for nothing else.
pub const CHALLENGE_DOMAIN: &str = "reeve/agent-challenge/v1\n";

/// Answer to `POST /agents/{id}/challenge`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Challenge {
    /// Opaque to the agent; to be signed after [`CHALLENGE_DOMAIN`].
    pub challenge: String,
}

/// `POST /agents/{id}/token`: the signed challenge.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChallengeProof {
    /// The challenge as received.
    pub challenge: String,
    /// Ed25519 signature over [`CHALLENGE_DOMAIN`] followed by the challenge, 64 bytes as base64url without padding.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Bytes64"))]
    pub signature: String,
}

/// Answer to a good [`ChallengeProof`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgentToken {
    /// Bearer token for the Authorization header.
    pub agent_token: String,
    /// Seconds it lives.
    pub expires_in_seconds: u32,
}

/// The bytes an agent signs to answer a challenge.
#[must_use]
pub fn challenge_message(challenge: &str) -> Vec<u8> {
    [CHALLENGE_DOMAIN.as_bytes(), challenge.as_bytes()].concat()
}

/// Set before what is signed to replace a device key, so that this signature can stand for nothing else.
pub const KEY_ROTATION_DOMAIN: &str = "reeve/agent-key-rotation/v1\n";

/// `POST /agents/{id}/key`: another key takes the place of the device's; both halves have to be there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyRotation {
    /// A fresh challenge, as received.
    pub challenge: String,
    /// The new Ed25519 public key, 32 bytes as base64url without padding.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Bytes32"))]
    pub new_public_key: String,
    /// Signature of the present key over [`key_rotation_message`], base64url.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Bytes64"))]
    pub signature: String,
    /// Signature of the new key over the same, base64url.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Bytes64"))]
    pub new_signature: String,
}

/// The bytes that both keys sign.
#[must_use]
pub fn key_rotation_message(challenge: &str, new_public_key: &str) -> Vec<u8> {
    [KEY_ROTATION_DOMAIN, challenge, "\n", new_public_key].concat().into_bytes()
}
