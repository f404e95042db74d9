//! The documents of release trust: who may sign (root), what was released (manifest), that it is still what is meant
//! (timestamp), and that a server has heard an agent (receipt). The same for the tool that signs, the server that hands
//! them on and the device that believes nobody. Names and attacks: The Update Framework 1.0.34.

mod document;
#[cfg(feature = "seal")]
mod due;
#[cfg(feature = "seal")]
mod envelope;
pub mod program;
mod reason;
#[cfg(feature = "seal")]
mod shape;
#[cfg(feature = "seal")]
mod sign;
pub mod stamp;
#[cfg(feature = "seal")]
mod verify;
mod version;

pub use document::{
    Artifact, ArtifactKind, Channel, Libc, Manifest, PublicKey, Receipt, Role, RoleKeys, Root, Sha256Hex,
    Timestamp,
};
pub use reason::Reason;
pub use version::{Version, VersionError};

#[cfg(feature = "seal")]
pub use due::{Device, current, due};
#[cfg(feature = "seal")]
pub use envelope::{Document, Unverified, look, read_unsigned_root, root_fingerprint, signed_by};
#[cfg(feature = "seal")]
pub use shape::{
    ARTIFACTS_MAX, BUILD_ID_MAX, EXT_BYTES_MAX, HOLDER_MAX, KEYS_MAX, NOTES_BYTES_MAX, REVOKED_MAX, Shape,
    ShapeFault, TIMESTAMP_HOURS_MAX, is_build_id, is_nonce,
};
#[cfg(feature = "seal")]
pub use sign::{NotSigned, Signer};
#[cfg(feature = "seal")]
pub use verify::{Opened, next_root, open_manifest, open_receipt, open_root, open_timestamp};

/// The version of all four documents.
pub const SPEC: u16 = 1;
/// What they are about; a document of another product is refused.
pub const PRODUCT: &str = "reeve";
/// Largest root envelope.
pub const ROOT_BYTES_MAX: usize = 64 * 1024;
/// Largest manifest envelope.
pub const MANIFEST_BYTES_MAX: usize = 256 * 1024;
/// Largest timestamp or receipt envelope.
pub const TIMESTAMP_BYTES_MAX: usize = 16 * 1024;
/// Largest artifact that is ever taken: 512 MiB.
pub const ARTIFACT_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Most roots that one answer may bring.
pub const ROOTS_MAX: usize = 32;

#[cfg(test)]
#[cfg(feature = "seal")]
mod tests;
