//! Digests and signatures of what people approve and devices obey, the same for who makes and who checks them. Each use
//! has a type of its own that is part of what is signed, so that no signature can be taken for another.

use crate::{
    command::{
        ChainEntry, ChainHead, CommandResult, Envelope, KeyGrant, Order, Request, Signature,
        chain_head_message,
    },
    id::DeviceId,
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

/// What an envelope holds, and so which signatures are good for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// [`Order`].
    Order,
    /// [`crate::command::StopOrder`].
    Stop,
    /// [`KeyGrant`].
    KeyGrant,
    /// [`crate::evidence::EvidenceSeal`].
    Evidence,
}

impl Purpose {
    /// The type that is signed with the payload.
    #[must_use]
    pub const fn payload_type(self) -> &'static str {
        match self {
            Self::Order => "application/vnd.reeve.order.v1+json",
            Self::Stop => "application/vnd.reeve.stop.v1+json",
            Self::KeyGrant => "application/vnd.reeve.key-grant.v1+json",
            Self::Evidence => "application/vnd.reeve.evidence.v1+json",
        }
    }
}

/// Why an envelope is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsealed {
    /// It is not an envelope of this purpose, or cannot be read.
    #[error("it cannot be read")]
    Malformed,
    /// No key that is known and valid at this time signed it.
    #[error("no key that is trusted has signed it")]
    Untrusted,
}

/// A key that signs, with what others know it by.
pub struct SealKey {
    signing: SigningKey,
    keyid: String,
}

impl SealKey {
    /// From its seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let signing = SigningKey::from_bytes(seed);
        let keyid = key_id(signing.verifying_key().as_bytes());
        Self { signing, keyid }
    }

    /// SHA-256 of the public key, hex.
    #[must_use]
    pub fn keyid(&self) -> &str {
        &self.keyid
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    /// Signs a document for one purpose.
    ///
    /// # Errors
    /// When the document cannot be written as JSON.
    pub fn seal(
        &self,
        purpose: Purpose,
        document: &impl Serialize,
        grants: Vec<Envelope>,
    ) -> Result<Envelope, serde_json::Error> {
        let bytes = serde_json::to_vec(document)?;
        let sig = self.signing.sign(&pre_authentication(purpose.payload_type(), &bytes));
        Ok(Envelope {
            payload: BASE64_STANDARD.encode(&bytes),
            payload_type: purpose.payload_type().to_owned(),
            signatures: vec![Signature {
                keyid: self.keyid.clone(),
                sig: BASE64_STANDARD.encode(sig.to_bytes()),
            }],
            grants,
        })
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealKey").field("keyid", &self.keyid).finish_non_exhaustive()
    }
}

/// SHA-256 of a public key, hex.
#[must_use]
pub fn key_id(public: &[u8; 32]) -> String {
    sha256(public)
}

/// SHA-256, hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Pre-authentication encoding of DSSE version 1.
pub(crate) fn pre_authentication(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// The bytes inside of an envelope, unchecked.
///
/// # Errors
/// [`Unsealed::Malformed`].
pub fn payload(envelope: &Envelope) -> Result<Vec<u8>, Unsealed> {
    BASE64_STANDARD.decode(&envelope.payload).map_err(|_| Unsealed::Malformed)
}

fn is_signed_by(envelope: &Envelope, purpose: Purpose, bytes: &[u8], public: &[u8; 32]) -> bool {
    let keyid = key_id(public);
    let Ok(key) = VerifyingKey::from_bytes(public) else { return false };
    let signed = pre_authentication(purpose.payload_type(), bytes);
    envelope.signatures.iter().filter(|one| one.keyid == keyid).any(|one| {
        let bytes = BASE64_STANDARD.decode(&one.sig).ok().and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        bytes.is_some_and(|bytes| {
            key.verify_strict(&signed, &ed25519_dalek::Signature::from_bytes(&bytes)).is_ok()
        })
    })
}

/// Opens what the root itself signed.
///
/// # Errors
/// See [`Unsealed`].
pub fn open_by<T: DeserializeOwned>(
    root: &[u8; 32],
    purpose: Purpose,
    envelope: &Envelope,
) -> Result<(T, Vec<u8>), Unsealed> {
    if envelope.payload_type != purpose.payload_type() {
        return Err(Unsealed::Malformed);
    }
    let bytes = payload(envelope)?;
    if !is_signed_by(envelope, purpose, &bytes, root) {
        return Err(Unsealed::Untrusted);
    }
    // Read only after it was found to be genuine.
    serde_json::from_slice(&bytes).map(|document| (document, bytes)).map_err(|_| Unsealed::Malformed)
}

/// Opens what a key signed that the root lets sign at this time; answers the document and the bytes that were signed.
///
/// # Errors
/// See [`Unsealed`].
pub fn open<T: DeserializeOwned>(
    root: &[u8; 32],
    purpose: Purpose,
    envelope: &Envelope,
    at: DateTime<Utc>,
) -> Result<(T, Vec<u8>), Unsealed> {
    if envelope.payload_type != purpose.payload_type() {
        return Err(Unsealed::Malformed);
    }
    let bytes = payload(envelope)?;
    for grant in envelope.grants.iter().take(4) {
        let Ok((grant, _)) = open_by::<KeyGrant>(root, Purpose::KeyGrant, grant) else { continue };
        let public =
            BASE64_STANDARD.decode(&grant.public_key).ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
        let Some(public) = public else { continue };
        let is_valid = grant.not_before <= at && at < grant.not_after && grant.keyid == key_id(&public);
        if is_valid && is_signed_by(envelope, purpose, &bytes, &public) {
            return serde_json::from_slice(&bytes)
                .map(|document| (document, bytes))
                .map_err(|_| Unsealed::Malformed);
        }
    }
    Err(Unsealed::Untrusted)
}

/// Digest of a request: what people approve.
#[must_use]
pub fn request_sha256(request: &Request) -> String {
    let json = serde_json::to_vec(request).unwrap_or_default();
    sha256(&[b"reeve.request.v1\n".as_slice(), &json].concat())
}

/// Digest of the devices of a request, whatever order they come in.
#[must_use]
pub fn targets_sha256(targets: &[DeviceId]) -> String {
    let mut ids: Vec<String> = targets.iter().map(ToString::to_string).collect();
    ids.sort_unstable();
    ids.dedup();
    sha256(format!("reeve.targets.v1\n{}\n", ids.join("\n")).as_bytes())
}

/// True when what an order says that was approved is what it asks for.
#[must_use]
pub fn is_what_was_approved(order: &Order) -> bool {
    order.request_sha256 == request_sha256(&order.request)
}

/// The hash that an entry of a device's record has to have.
#[must_use]
pub fn chain_hash(entry: &ChainEntry) -> String {
    let without = ChainEntry { hash: String::new(), ..entry.clone() };
    let json = serde_json::to_vec(&without).unwrap_or_default();
    sha256(&[b"reeve.chain.v1\n".as_slice(), &json].concat())
}

/// SHA-256 of a result as it was sent, hex: what a device's record says of it.
#[must_use]
pub fn result_sha256(result: &CommandResult) -> String {
    sha256(&serde_json::to_vec(result).unwrap_or_default())
}

/// True when this device key has signed that the device's record has come so far.
#[must_use]
pub fn is_signed_head(device_public_key: &str, device_id: DeviceId, head: &ChainHead) -> bool {
    let key = BASE64_URL_SAFE_NO_PAD.decode(device_public_key).ok();
    let key = key.and_then(|key| <[u8; 32]>::try_from(key).ok());
    let Some(key) = key.and_then(|key| VerifyingKey::from_bytes(&key).ok()) else { return false };
    let sig = head.signature.as_ref().and_then(|sig| BASE64_URL_SAFE_NO_PAD.decode(sig).ok());
    let Some(sig) = sig.and_then(|sig| <[u8; 64]>::try_from(sig).ok()) else { return false };
    let message = chain_head_message(device_id, head.seq, &head.hash);
    key.verify_strict(&message, &ed25519_dalek::Signature::from_bytes(&sig)).is_ok()
}

/// Hash before the first entry.
#[must_use]
pub fn chain_start() -> String {
    "0".repeat(64)
}

#[cfg(test)]
mod tests;
