//! The file that evidence is handed out in: the bundle as people can read it, and a seal over its bytes as they stand there,
//! so that not one of them can be another.

use super::signer::Signer;
use crate::{Error, Result};
use entity::{
    command::Envelope,
    evidence::{EvidenceBundle, EvidenceSeal},
    seal,
};

/// What stands before the bundle, between it and the seal, and behind both.
const HEAD: &str = "{\"bundle\":";
const BETWEEN: &str = ",\"seal\":";
const TAIL: &str = "}\n";
/// Largest file that is read, in bytes: a bundle with the longest output, as JSON writes it at worst.
pub const FILE_BYTES_MAX: usize = 16 << 20;

/// Writes the file.
///
/// # Errors
/// Unavailable when no key has the root's word for it at this time.
pub(super) fn write(bundle: &EvidenceBundle, signer: &Signer) -> Result<String> {
    let json = |error: serde_json::Error| Error::Internal(error.to_string());
    let text = serde_json::to_string_pretty(bundle).map_err(json)?;
    let sealed = signer.seal_evidence(&EvidenceSeal {
        command_id: bundle.command.id,
        made_at: bundle.made_at,
        bundle_sha256: seal::sha256(text.as_bytes()),
    })?;
    frame(&text, &sealed).map_err(json)
}

/// The bytes of a file around a bundle and its seal.
pub(super) fn frame(bundle: &str, sealed: &Envelope) -> std::result::Result<String, serde_json::Error> {
    Ok([HEAD, bundle, BETWEEN, &serde_json::to_string(sealed)?, TAIL].concat())
}

/// Takes a file apart: the text of the bundle, what it says, and the seal. `None` when it is not letter for letter a file as
/// [`write`] makes it.
pub(super) fn read(text: &str) -> Option<(&str, EvidenceBundle, Envelope)> {
    let inner = text.strip_prefix(HEAD)?.strip_suffix(TAIL)?;
    let (bundle, sealed) = inner.rsplit_once(BETWEEN)?;
    let envelope: Envelope = serde_json::from_str(sealed).ok()?;
    // Nothing may stand in the seal that no signature covers.
    (serde_json::to_string(&envelope).ok()? == sealed).then_some(())?;
    Some((bundle, serde_json::from_str(bundle).ok()?, envelope))
}
