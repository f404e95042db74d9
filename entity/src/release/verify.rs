//! Opening the documents: what a device, the server and the tool believe, and why they do not.

use super::{
    Document, Manifest, Reason, Receipt, Root, Sha256Hex, Timestamp,
    envelope::{Sealed, read_payload},
};
use crate::id::DeviceId;

/// A document with the digest of the bytes that were signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened<T> {
    /// What it says.
    pub document: T,
    /// SHA-256 of the payload: what a timestamp names.
    pub payload_sha256: Sha256Hex,
}

/// Opens a root by itself: well-formed and signed by its own threshold. Says nothing of whether it should be trusted;
/// for the first one that a device or a server ever sees, whose fingerprint people compare.
///
/// # Errors
/// Why it is none.
pub fn open_root(envelope: &str) -> Result<Root, Reason> {
    let (sealed, payload) = Sealed::of::<Root>(envelope)?;
    // The one document that is read before its signatures are known: the keys that they need are in it.
    let root: Root = read_payload(&payload)?;
    sealed.is_signed(&payload, &root, Root::ROLE)?;
    Ok(root)
}

/// Opens the root that follows a trusted one: its version is the next, and it is signed by the threshold of the one
/// before and by its own. That the one before is out of date does not matter: otherwise a device that was off for
/// long could never come back.
///
/// # Errors
/// Why it does not follow.
pub fn next_root(current: &Root, envelope: &str) -> Result<Root, Reason> {
    let (sealed, payload) = Sealed::of::<Root>(envelope)?;
    sealed.is_signed(&payload, current, Root::ROLE)?;
    let root: Root = read_payload(&payload)?;
    if current.version.checked_add(1) != Some(root.version) {
        return Err(Reason::RootNotNext);
    }
    sealed.is_signed(&payload, &root, Root::ROLE)?;
    Ok(root)
}

/// Opens a manifest: signed by the release keys of this root, well-formed, within its bounds. Whether it is out of date
/// is asked by [`super::due`].
///
/// # Errors
/// Why it is none.
pub fn open_manifest(root: &Root, envelope: &str) -> Result<Opened<Manifest>, Reason> {
    open(root, envelope)
}

/// Opens a timestamp: signed by the freshness keys of this root, for this question of this device. Whether it is out of
/// date is asked by [`super::due`].
///
/// # Errors
/// Why it is none.
pub fn open_timestamp(
    root: &Root,
    envelope: &str,
    nonce: &str,
    device: DeviceId,
) -> Result<Timestamp, Reason> {
    let timestamp: Timestamp = open(root, envelope)?.document;
    answers(timestamp.nonce == nonce && timestamp.device_id == device).map(|()| timestamp)
}

/// Opens a receipt: signed by the freshness keys of this root, for this question of this device.
///
/// # Errors
/// Why it is none.
pub fn open_receipt(root: &Root, envelope: &str, nonce: &str, device: DeviceId) -> Result<Receipt, Reason> {
    let receipt: Receipt = open(root, envelope)?.document;
    answers(receipt.nonce == nonce && receipt.device_id == device).map(|()| receipt)
}

fn open<T: Document>(root: &Root, envelope: &str) -> Result<Opened<T>, Reason> {
    let (sealed, payload) = Sealed::of::<T>(envelope)?;
    sealed.is_signed(&payload, root, T::ROLE)?;
    let document = read_payload(&payload)?;
    Ok(Opened { document, payload_sha256: Sha256Hex::of(&payload) })
}

const fn answers(is_answer: bool) -> Result<(), Reason> {
    if is_answer { Ok(()) } else { Err(Reason::NonceMismatch) }
}
