//! The envelope around every document of release trust: DSSE version 1 as JSON text. What is inside is not read before
//! enough keys of its role were found to have signed it.

use super::{
    MANIFEST_BYTES_MAX, Manifest, PublicKey, ROOT_BYTES_MAX, Reason, Receipt, Role, Root, Sha256Hex, Shape,
    TIMESTAMP_BYTES_MAX, Timestamp,
};
use crate::seal::pre_authentication;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Most signatures of one envelope: every key of a root twice over.
const SIGNATURES_MAX: usize = 64;

/// A document that is signed. Its payload type is part of what is signed, so that none is taken for another.
pub trait Document: Serialize + DeserializeOwned + Shape {
    /// The type that is signed with the payload.
    const PAYLOAD_TYPE: &'static str;
    /// Whose keys sign it.
    const ROLE: Role;
    /// Largest envelope.
    const BYTES_MAX: usize;
}

impl Document for Root {
    const PAYLOAD_TYPE: &'static str = "application/vnd.reeve.root+json;v=1";
    const ROLE: Role = Role::Root;
    const BYTES_MAX: usize = ROOT_BYTES_MAX;
}

impl Document for Manifest {
    const PAYLOAD_TYPE: &'static str = "application/vnd.reeve.manifest+json;v=1";
    const ROLE: Role = Role::Release;
    const BYTES_MAX: usize = MANIFEST_BYTES_MAX;
}

impl Document for Timestamp {
    const PAYLOAD_TYPE: &'static str = "application/vnd.reeve.timestamp+json;v=1";
    const ROLE: Role = Role::Freshness;
    const BYTES_MAX: usize = TIMESTAMP_BYTES_MAX;
}

impl Document for Receipt {
    const PAYLOAD_TYPE: &'static str = "application/vnd.reeve.receipt+json;v=1";
    const ROLE: Role = Role::Freshness;
    const BYTES_MAX: usize = TIMESTAMP_BYTES_MAX;
}

/// The envelope as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    pub(super) payload: String,
    #[serde(rename = "payloadType")]
    pub(super) payload_type: String,
    pub(super) signatures: Vec<Mark>,
}

/// One signature. The keyid is a hint for people: every key of the role is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    #[serde(default)]
    pub(super) keyid: String,
    pub(super) sig: String,
}

impl Sealed {
    /// Reads the envelope, not what is inside.
    pub(super) fn read(text: &str, bytes_max: usize) -> Result<Self, Reason> {
        if text.len() > bytes_max {
            return Err(Reason::TooLarge);
        }
        let sealed: Self = serde_json::from_str(text).map_err(|_| Reason::Malformed)?;
        if sealed.signatures.len() > SIGNATURES_MAX { Err(Reason::Malformed) } else { Ok(sealed) }
    }

    /// Reads the envelope of one kind of document; answers also the bytes that were signed.
    pub(super) fn of<T: Document>(text: &str) -> Result<(Self, Vec<u8>), Reason> {
        let sealed = Self::read(text, T::BYTES_MAX)?;
        if sealed.payload_type != T::PAYLOAD_TYPE {
            return Err(Reason::Malformed);
        }
        let payload = sealed.bytes()?;
        Ok((sealed, payload))
    }

    /// The bytes that were signed.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Reason> {
        BASE64_STANDARD.decode(&self.payload).map_err(|_| Reason::Malformed)
    }

    /// Enough distinct keys that this root gives this role have signed these bytes.
    pub(super) fn is_signed(&self, payload: &[u8], root: &Root, role: Role) -> Result<(), Reason> {
        let keys = root.roles.get(&role).ok_or(Reason::ThresholdUnmet)?;
        let message = pre_authentication(&self.payload_type, payload);
        let signatures: Vec<Signature> = self.signatures.iter().filter_map(Mark::signature).collect();
        // Each key is asked once, so that it counts once however often it signed.
        let count = root
            .keys
            .iter()
            .filter(|key| keys.keyids.contains(&key.keyid))
            .filter_map(verifying_key)
            .filter(|key| signatures.iter().any(|one| key.verify_strict(&message, one).is_ok()))
            .count();
        // A threshold of nought never passes the check of the root's shape; it does not pass here either.
        if count > 0 && count >= usize::from(keys.threshold) { Ok(()) } else { Err(Reason::ThresholdUnmet) }
    }
}

impl Mark {
    fn signature(&self) -> Option<Signature> {
        let bytes = BASE64_STANDARD.decode(&self.sig).ok()?;
        <[u8; 64]>::try_from(bytes).ok().map(|bytes| Signature::from_bytes(&bytes))
    }
}

/// The key, when it is one: a point that signatures can be checked with, written the one way it may be written.
pub(super) fn verifying_key(key: &PublicKey) -> Option<VerifyingKey> {
    let bytes = BASE64_STANDARD.decode(&key.public_key).ok()?;
    let bytes = <[u8; 32]>::try_from(bytes).ok()?;
    // The numbers from 2^255 − 19 on are second spellings of small ones: one key could count as two.
    let is_second_spelling = bytes[31] & 0x7f == 0x7f
        && bytes[0] >= 0xed
        && bytes.iter().take(31).skip(1).all(|byte| *byte == 0xff);
    let verifying = VerifyingKey::from_bytes(&bytes).ok()?;
    let is_good = !is_second_spelling && !verifying.is_weak() && key.keyid == Sha256Hex::of(&bytes);
    is_good.then_some(verifying)
}

/// What every document begins with; looked at first, so that a later format is called by its name.
#[derive(Deserialize)]
struct Head {
    spec: u16,
    product: String,
}

/// Reads bytes whose signatures were checked.
pub(super) fn read_payload<T: Document>(payload: &[u8]) -> Result<T, Reason> {
    let head: Head = serde_json::from_slice(payload).map_err(|_| Reason::Malformed)?;
    if head.spec != super::SPEC || head.product != super::PRODUCT {
        return Err(Reason::WrongProduct);
    }
    let document: T = serde_json::from_slice(payload).map_err(|_| Reason::Malformed)?;
    document.check().map_err(|_| Reason::Malformed)?;
    Ok(document)
}

/// What an envelope says of itself, unchecked: for people who look at one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// What it says that it holds.
    pub payload_type: String,
    /// The bytes inside.
    pub payload: Vec<u8>,
    /// The keyid of each signature, which nothing proves.
    pub keyids: Vec<String>,
}

/// Looks into an envelope without checking anything: nothing may be done by what it answers.
///
/// # Errors
/// [`Reason::TooLarge`], [`Reason::Malformed`].
pub fn look(envelope: &str) -> Result<Unverified, Reason> {
    let sealed = Sealed::read(envelope, MANIFEST_BYTES_MAX)?;
    let payload = sealed.bytes()?;
    let keyids = sealed.signatures.into_iter().map(|mark| mark.keyid).collect();
    Ok(Unverified { payload_type: sealed.payload_type, payload, keyids })
}

/// Which keys of this root have signed an envelope, whatever is in it: for people who gather signatures.
///
/// # Errors
/// [`Reason::TooLarge`], [`Reason::Malformed`].
pub fn signed_by<'root>(root: &'root Root, envelope: &str) -> Result<Vec<&'root PublicKey>, Reason> {
    let sealed = Sealed::read(envelope, MANIFEST_BYTES_MAX)?;
    let message = pre_authentication(&sealed.payload_type, &sealed.bytes()?);
    let signatures: Vec<Signature> = sealed.signatures.iter().filter_map(Mark::signature).collect();
    let has_signed = |key: &&PublicKey| {
        verifying_key(key)
            .is_some_and(|key| signatures.iter().any(|one| key.verify_strict(&message, one).is_ok()))
    };
    Ok(root.keys.iter().filter(has_signed).collect())
}

/// Reads a root that may still lack signatures: its shape is checked, its signatures are not. For people who gather
/// signatures; a device never calls it.
///
/// # Errors
/// What is wrong with it.
pub fn read_unsigned_root(envelope: &str) -> Result<Root, Reason> {
    let (_, payload) = Sealed::of::<Root>(envelope)?;
    read_payload(&payload)
}

/// SHA-256 of what a root envelope holds: what people compare.
///
/// # Errors
/// When it is no envelope of a root.
pub fn root_fingerprint(envelope: &str) -> Result<Sha256Hex, Reason> {
    let (_, payload) = Sealed::of::<Root>(envelope)?;
    Ok(Sha256Hex::of(&payload))
}
