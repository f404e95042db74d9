//! Signing the documents: for the tool that people sign with, and for the server, which has the freshness key alone.

use super::{
    Document, Manifest, PublicKey, Reason, Receipt, Root, Sha256Hex, ShapeFault, Timestamp,
    envelope::{Mark, Sealed},
};
use crate::seal::pre_authentication;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};

/// A key that signs documents of release trust.
pub struct Signer {
    key: SigningKey,
    keyid: Sha256Hex,
}

/// Why something was not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// Nobody would take it.
    #[error(transparent)]
    Shape(#[from] ShapeFault),
    /// It cannot be written as JSON.
    #[error("the document cannot be written: {0}")]
    Json(String),
    /// The envelope would be larger than those who read it take.
    #[error("the envelope is {bytes} bytes long, and {bytes_max} are the most that is taken")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The most.
        bytes_max: usize,
    },
    /// The envelope that a signature should be added to is none.
    #[error("this is no envelope of a root or a manifest ({})", .0.word())]
    Envelope(Reason),
}

impl Signer {
    /// From the seed of an Ed25519 key.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let keyid = Sha256Hex::of(key.verifying_key().as_bytes());
        Self { key, keyid }
    }

    /// SHA-256 of the public key.
    #[must_use]
    pub const fn keyid(&self) -> &Sha256Hex {
        &self.keyid
    }

    /// The public key as a root lists it.
    #[must_use]
    pub fn public_key(&self, holder: &str) -> PublicKey {
        PublicKey {
            keyid: self.keyid.clone(),
            public_key: BASE64_STANDARD.encode(self.key.verifying_key().as_bytes()),
            holder: holder.to_owned(),
        }
    }

    /// Signs a document; answers the envelope as text.
    ///
    /// # Errors
    /// When nobody would take the document.
    pub fn sign<T: Document>(&self, document: &T) -> Result<String, NotSigned> {
        document.check()?;
        let payload = serde_json::to_vec(document).map_err(|error| NotSigned::Json(error.to_string()))?;
        let sealed = Sealed {
            payload: BASE64_STANDARD.encode(&payload),
            payload_type: T::PAYLOAD_TYPE.to_owned(),
            signatures: vec![self.mark(T::PAYLOAD_TYPE, &payload)],
        };
        written(&sealed, T::BYTES_MAX)
    }

    /// Adds a signature to an envelope of a root or a manifest whose threshold is higher than one. The payload stays as
    /// it is, byte for byte; a signature of the same key that is there already is replaced.
    ///
    /// # Errors
    /// When it is no such envelope, or would become too large.
    pub fn add_signature(&self, envelope: &str) -> Result<String, NotSigned> {
        let mut sealed = Sealed::read(envelope, Manifest::BYTES_MAX).map_err(NotSigned::Envelope)?;
        // What a server's key signs, one key signs, for one question.
        let bytes_max = match sealed.payload_type.as_str() {
            Root::PAYLOAD_TYPE => Root::BYTES_MAX,
            Manifest::PAYLOAD_TYPE => Manifest::BYTES_MAX,
            Timestamp::PAYLOAD_TYPE | Receipt::PAYLOAD_TYPE => {
                return Err(NotSigned::Envelope(Reason::WrongProduct));
            }
            _ => return Err(NotSigned::Envelope(Reason::Malformed)),
        };
        let payload = sealed.bytes().map_err(NotSigned::Envelope)?;
        let mark = self.mark(&sealed.payload_type, &payload);
        sealed.signatures.retain(|one| one.keyid != mark.keyid);
        sealed.signatures.push(mark);
        written(&sealed, bytes_max)
    }

    fn mark(&self, payload_type: &str, payload: &[u8]) -> Mark {
        let signature = self.key.sign(&pre_authentication(payload_type, payload));
        Mark { keyid: self.keyid.to_string(), sig: BASE64_STANDARD.encode(signature.to_bytes()) }
    }
}

fn written(sealed: &Sealed, bytes_max: usize) -> Result<String, NotSigned> {
    let text = serde_json::to_string(sealed).map_err(|error| NotSigned::Json(error.to_string()))?;
    if text.len() > bytes_max { Err(NotSigned::TooLarge { bytes: text.len(), bytes_max }) } else { Ok(text) }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("keyid", &self.keyid).finish_non_exhaustive()
    }
}
