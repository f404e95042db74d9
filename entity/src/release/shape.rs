//! The shape of the documents: the bounds of every list and text, and what has to be true within one document.

use super::{Artifact, Manifest, Receipt, Role, RoleKeys, Root, Timestamp};
use crate::platform::Os;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Most keys of a root.
pub const KEYS_MAX: usize = 32;
/// Longest holder of a key, in characters.
pub const HOLDER_MAX: usize = 100;
/// Most artifacts of a manifest.
pub const ARTIFACTS_MAX: usize = 64;
/// Most revoked artifacts of a manifest.
pub const REVOKED_MAX: usize = 1_000;
/// Longest notes, in bytes.
pub const NOTES_BYTES_MAX: usize = 16 * 1024;
/// Longest build id, in characters.
pub const BUILD_ID_MAX: usize = 64;
/// Most bytes that `ext` takes as JSON.
pub const EXT_BYTES_MAX: usize = 16 * 1024;
/// Longest life of a timestamp or receipt, in hours.
pub const TIMESTAMP_HOURS_MAX: i64 = 24;

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct ShapeFault {
    /// Where.
    pub field: String,
    /// What, as the rest of a sentence.
    pub problem: String,
}

fn fault<T>(field: impl Into<String>, problem: impl Into<String>) -> Result<T, ShapeFault> {
    Err(ShapeFault { field: field.into(), problem: problem.into() })
}

/// A document that knows what is wrong with it.
pub trait Shape {
    /// # Errors
    /// The first thing that is wrong.
    fn check(&self) -> Result<(), ShapeFault>;
}

fn head(spec: u16, product: &str) -> Result<(), ShapeFault> {
    if spec != super::SPEC {
        return fault("spec", format!("must be {}", super::SPEC));
    }
    if product != super::PRODUCT {
        return fault("product", format!("must be {}", super::PRODUCT));
    }
    Ok(())
}

fn life(begin: (&str, DateTime<Utc>), expires: DateTime<Utc>) -> Result<(), ShapeFault> {
    if begin.1 < expires { Ok(()) } else { fault("expires", format!("must be later than {}", begin.0)) }
}

fn ext(ext: &BTreeMap<String, Value>) -> Result<(), ShapeFault> {
    let bytes = serde_json::to_vec(ext).map_or(usize::MAX, |json| json.len());
    if bytes <= EXT_BYTES_MAX {
        Ok(())
    } else {
        fault("ext", format!("must not exceed {EXT_BYTES_MAX} bytes"))
    }
}

/// A nonce: 128 bits as 32 lower-case hex digits.
#[must_use]
pub fn is_nonce(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A build id: 1 to [`BUILD_ID_MAX`] printable characters of ASCII without a space.
#[must_use]
pub fn is_build_id(text: &str) -> bool {
    (1..=BUILD_ID_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Text for people on one line, without what could change how a terminal shows it.
fn is_line(text: &str, characters_max: usize) -> bool {
    text.chars().count() <= characters_max && !text.chars().any(char::is_control)
}

impl Shape for Root {
    fn check(&self) -> Result<(), ShapeFault> {
        head(self.spec, &self.product)?;
        life(("issued", self.issued), self.expires)?;
        ext(&self.ext)?;
        if self.version == 0 {
            return fault("version", "must be at least 1");
        }
        if self.keys.len() > KEYS_MAX {
            return fault("keys", format!("must not be more than {KEYS_MAX}"));
        }
        let mut known = BTreeSet::new();
        for (at, key) in self.keys.iter().enumerate() {
            if key.holder.is_empty() || !is_line(&key.holder, HOLDER_MAX) {
                return fault(
                    format!("keys[{at}].holder"),
                    format!("must be one line of 1 to {HOLDER_MAX} characters"),
                );
            }
            if super::envelope::verifying_key(key).is_none() {
                return fault(
                    format!("keys[{at}].public_key"),
                    "must be an Ed25519 key as base64 whose SHA-256 is the keyid",
                );
            }
            if !known.insert(&key.keyid) {
                return fault(format!("keys[{at}].keyid"), "must not come twice");
            }
        }
        // A key of two roles would undo what roles are for: the server's key must not be able to release anything.
        let mut taken = BTreeSet::new();
        for role in Role::ALL {
            let Some(keys) = self.roles.get(role) else {
                return fault(format!("roles.{}", role.word()), "is missing");
            };
            role_keys(*role, keys)?;
            for keyid in &keys.keyids {
                if !known.contains(keyid) {
                    return fault(
                        format!("roles.{}.keyids", role.word()),
                        format!("names {keyid}, which is not in keys"),
                    );
                }
                if !taken.insert(keyid) {
                    return fault(
                        format!("roles.{}.keyids", role.word()),
                        format!("names {keyid} a second time"),
                    );
                }
            }
        }
        Ok(())
    }
}

fn role_keys(role: Role, keys: &RoleKeys) -> Result<(), ShapeFault> {
    let least = if role == Role::Root { 2 } else { 1 };
    if keys.threshold < least {
        return fault(format!("roles.{}.threshold", role.word()), format!("must be at least {least}"));
    }
    if usize::from(keys.threshold) > keys.keyids.len() {
        return fault(format!("roles.{}.threshold", role.word()), "must not be more than there are keys");
    }
    Ok(())
}

impl Shape for Manifest {
    fn check(&self) -> Result<(), ShapeFault> {
        head(self.spec, &self.product)?;
        life(("issued", self.issued), self.expires)?;
        ext(&self.ext)?;
        if self.seq == 0 {
            return fault("seq", "must be at least 1");
        }
        if self.min_from >= self.seq {
            return fault("min_from", "must be lower than seq");
        }
        if self.min_secure > self.seq {
            return fault("min_secure", "must not be higher than seq");
        }
        if self.notes.len() > NOTES_BYTES_MAX {
            return fault("notes", format!("must not exceed {NOTES_BYTES_MAX} bytes"));
        }
        if self.revoked.len() > REVOKED_MAX {
            return fault("revoked", format!("must not be more than {REVOKED_MAX}"));
        }
        let revoked: BTreeSet<_> = self.revoked.iter().collect();
        if revoked.len() != self.revoked.len() {
            return fault("revoked", "must not name an artifact twice");
        }
        if self.artifacts.is_empty() || self.artifacts.len() > ARTIFACTS_MAX {
            return fault("artifacts", format!("must be 1 to {ARTIFACTS_MAX}"));
        }
        let mut places = BTreeSet::new();
        for (at, artifact) in self.artifacts.iter().enumerate() {
            artifact_shape(&format!("artifacts[{at}]"), artifact)?;
            if revoked.contains(&artifact.sha256) {
                return fault(format!("artifacts[{at}].sha256"), "is revoked by the same manifest");
            }
            if !places.insert((artifact.kind, artifact.os, artifact.arch, artifact.libc)) {
                return fault(
                    format!("artifacts[{at}]"),
                    "is a second one of its kind for the same platform",
                );
            }
        }
        Ok(())
    }
}

fn artifact_shape(field: &str, artifact: &Artifact) -> Result<(), ShapeFault> {
    if artifact.size_bytes == 0 || artifact.size_bytes > super::ARTIFACT_BYTES_MAX {
        return fault(format!("{field}.size_bytes"), format!("must be 1 to {}", super::ARTIFACT_BYTES_MAX));
    }
    if !is_build_id(&artifact.build_id) {
        return fault(
            format!("{field}.build_id"),
            format!("must be 1 to {BUILD_ID_MAX} printable characters without spaces"),
        );
    }
    match (artifact.os, artifact.libc) {
        (Os::Linux, None) => fault(format!("{field}.libc"), "must be given for Linux"),
        (Os::Macos | Os::Windows, Some(_)) => fault(format!("{field}.libc"), "must be given for Linux only"),
        _ => Ok(()),
    }
}

fn short_life(signed_time: DateTime<Utc>, expires: DateTime<Utc>) -> Result<(), ShapeFault> {
    life(("signed_time", signed_time), expires)?;
    if expires - signed_time <= TimeDelta::hours(TIMESTAMP_HOURS_MAX) {
        Ok(())
    } else {
        fault("expires", format!("must be at most {TIMESTAMP_HOURS_MAX} hours after signed_time"))
    }
}

fn nonce(nonce: &str) -> Result<(), ShapeFault> {
    if is_nonce(nonce) { Ok(()) } else { fault("nonce", "must be 32 lower-case hex digits") }
}

impl Shape for Timestamp {
    fn check(&self) -> Result<(), ShapeFault> {
        head(self.spec, &self.product)?;
        nonce(&self.nonce)?;
        short_life(self.signed_time, self.expires)?;
        if (self.seq == 0) == self.manifest_sha256.is_none() {
            Ok(())
        } else {
            fault("manifest_sha256", "must be given exactly when seq is not 0")
        }
    }
}

impl Shape for Receipt {
    fn check(&self) -> Result<(), ShapeFault> {
        head(self.spec, &self.product)?;
        nonce(&self.nonce)?;
        if is_build_id(&self.build_id) {
            Ok(())
        } else {
            fault("build_id", format!("must be 1 to {BUILD_ID_MAX} printable characters without spaces"))
        }
    }
}
