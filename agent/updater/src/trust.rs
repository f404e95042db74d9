//! What this device believes: the root that was pinned and those that follow it, the time, and the lowest that it accepts.
//! Nothing here reads the clock; it moves by what was signed for a question of this device.

use crate::record::memory::Memory;
use chrono::{DateTime, Utc};
use entity::{
    id::DeviceId,
    release::{
        Manifest, Opened, ROOTS_MAX, Reason, Receipt, Root, Timestamp, current, next_root, open_manifest,
        open_receipt, open_root, open_timestamp, read_unsigned_root, root_fingerprint,
    },
    update::TrustAnswer,
};

/// What a device believes.
#[derive(Clone, Debug)]
pub struct Trust {
    /// As it is kept.
    pub memory: Memory,
    root: Option<Root>,
    /// No time before these programs were built is believed.
    built_at: DateTime<Utc>,
}

/// What a good answer of the server says.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// Signed for this question.
    pub timestamp: Timestamp,
    /// The manifest that the timestamp names, when it came along.
    pub manifest: Option<Opened<Manifest>>,
}

impl Trust {
    /// From what is kept.
    #[must_use]
    pub fn of(memory: Memory, built_at: Option<DateTime<Utc>>) -> Self {
        let root = memory.root.as_deref().and_then(|envelope| open_root(envelope).ok());
        Self { memory, root, built_at: built_at.unwrap_or_default() }
    }

    /// The root that is trusted.
    #[must_use]
    pub const fn root(&self) -> Option<&Root> {
        self.root.as_ref()
    }

    /// Its version; 0 for none.
    #[must_use]
    pub fn root_version(&self) -> u64 {
        self.root.as_ref().map_or(0, |root| root.version)
    }

    /// The latest time that was believed.
    #[must_use]
    pub fn time_floor(&self) -> DateTime<Utc> {
        self.memory.time_floor.map_or(self.built_at, |floor| floor.max(self.built_at))
    }

    /// Takes the first root, or, when an administrator of this machine says so, another in its place. True when that
    /// changed something.
    ///
    /// # Errors
    /// When it is no root, or another one is pinned.
    pub fn pin(&mut self, envelope: &str, is_replacing: bool) -> Result<bool, Reason> {
        let root = open_root(envelope)?;
        if let (Some(current), Some(pinned)) = (&self.root, &self.memory.root) {
            // The registration keeps the root of its day, and is shown at each start.
            let is_past = !is_replacing && root.version <= current.version;
            if is_past || root_fingerprint(pinned)? == root_fingerprint(envelope)? {
                return Ok(false);
            }
            if !is_replacing {
                return Err(Reason::RootNotPinned);
            }
        }
        // The time was signed by keys that the new root may not know.
        self.memory.time_floor = None;
        self.memory.root = Some(envelope.to_owned());
        self.root = Some(root);
        Ok(true)
    }

    /// Takes what the server answered: first the roots that follow, then what they vouch for. The memory may have
    /// changed even when this fails, because a good root stays good.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn take(&mut self, answer: &TrustAnswer, nonce: &str, device: DeviceId) -> Result<Fresh, Reason> {
        self.follow(&answer.roots)?;
        let root = self.root.as_ref().ok_or(Reason::NoRoot)?;
        let timestamp = answer.timestamp.as_deref().ok_or(Reason::Malformed)?;
        let timestamp = open_timestamp(root, timestamp, nonce, device)?;
        let manifest =
            answer.manifest.as_deref().map(|envelope| open_manifest(root, envelope)).transpose()?;
        if let Some(manifest) = &manifest
            && timestamp.manifest_sha256.as_ref() != Some(&manifest.payload_sha256)
        {
            return Err(Reason::ManifestMismatch);
        }
        let document = manifest.as_ref().map(|manifest| &manifest.document);
        let now = current(root.expires, document, &timestamp, self.time_floor())?;
        self.memory.time_floor = Some(now);
        if let Some(manifest) = document {
            self.memory.min_secure = self.memory.min_secure.max(manifest.min_secure);
        }
        Ok(Fresh { timestamp, manifest })
    }

    /// Opens a receipt.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn receipt(&self, envelope: &str, nonce: &str, device: DeviceId) -> Result<Receipt, Reason> {
        open_receipt(self.root.as_ref().ok_or(Reason::NoRoot)?, envelope, nonce, device)
    }

    fn follow(&mut self, roots: &[String]) -> Result<(), Reason> {
        if roots.len() > ROOTS_MAX {
            return Err(Reason::TooLarge);
        }
        for envelope in roots {
            let current = self.root.as_ref().ok_or(Reason::NoRoot)?;
            // Two answers may bring the same one.
            if read_unsigned_root(envelope)?.version <= current.version {
                continue;
            }
            let next = next_root(current, envelope)?;
            if current.forgets_time(&next) {
                self.memory.time_floor = None;
            }
            self.memory.root = Some(envelope.clone());
            self.root = Some(next);
        }
        Ok(())
    }
}
