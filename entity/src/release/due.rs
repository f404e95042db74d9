//! Whether a device may take a release: one pure function, the same in the server's preview and on the device, where it
//! decides.

use super::{Artifact, ArtifactKind, Libc, Manifest, Opened, Reason, Role, Root, Sha256Hex, Timestamp};
use crate::platform::{Arch, Os};
use chrono::{DateTime, Utc};
use std::fmt;

/// What a device knows of itself.
#[derive(Clone, Copy)]
pub struct Device<'a> {
    /// Which of its programs is to be replaced.
    pub kind: ArtifactKind,
    /// Its system.
    pub os: Os,
    /// Its processor.
    pub arch: Arch,
    /// Its C library; Linux only.
    pub libc: Option<Libc>,
    /// Sequence of what runs; 0 for a build that is no release.
    pub running_seq: u64,
    /// The highest sequence that it has ever confirmed.
    pub highest_seq: u64,
    /// [`Root::expires`] of the root that it trusts.
    pub root_expires: DateTime<Utc>,
    /// The latest time that it has believed, at least that of its build; see [`current`].
    pub time_floor: DateTime<Utc>,
    /// True for an artifact that has failed here and is not to be tried now.
    pub denied: &'a dyn Fn(&Sha256Hex) -> bool,
}

impl fmt::Debug for Device<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("kind", &self.kind)
            .field("os", &self.os)
            .field("arch", &self.arch)
            .field("libc", &self.libc)
            .field("running_seq", &self.running_seq)
            .field("highest_seq", &self.highest_seq)
            .finish_non_exhaustive()
    }
}

/// The time to believe, when none of the documents is out of date by it; the new floor. The clock of the device is
/// not asked. What the server's key signed for this question is the time, and it is believed only as far as the
/// documents reach that people signed: a server whose clock runs ahead, or whose key was stolen, cannot push a device
/// so far that nothing is ever good again. Nor can it go back more than the life of a timestamp, to make good again
/// what is out of date.
///
/// # Errors
/// Which document is out of date.
pub fn current(
    root_expires: DateTime<Utc>,
    manifest: Option<&Manifest>,
    timestamp: &Timestamp,
    time_floor: DateTime<Utc>,
) -> Result<DateTime<Utc>, Reason> {
    if timestamp.expires <= time_floor || timestamp.expires <= timestamp.signed_time {
        return Err(Reason::TimestampExpired);
    }
    let now = timestamp.signed_time.max(time_floor);
    if root_expires <= now {
        return Err(Reason::RootExpired);
    }
    if manifest.is_some_and(|manifest| manifest.expires <= now) {
        return Err(Reason::ManifestExpired);
    }
    Ok(now)
}

/// May this device take this manifest, and which artifact of it?
///
/// # Errors
/// Why not.
pub fn due<'manifest>(
    manifest: &'manifest Opened<Manifest>,
    timestamp: &Timestamp,
    device: &Device<'_>,
) -> Result<&'manifest Artifact, Reason> {
    let Opened { document, payload_sha256 } = manifest;
    if timestamp.manifest_sha256.as_ref() != Some(payload_sha256) || timestamp.seq != document.seq {
        return Err(Reason::ManifestMismatch);
    }
    current(device.root_expires, Some(document), timestamp, device.time_floor)?;
    if document.seq <= device.highest_seq.max(device.running_seq) {
        return Err(Reason::Downgrade);
    }
    if device.running_seq < document.min_from {
        return Err(Reason::MinFrom);
    }
    let artifact =
        document.artifact(device.kind, device.os, device.arch, device.libc).ok_or(Reason::NoArtifact)?;
    if document.revoked.contains(&artifact.sha256) || (device.denied)(&artifact.sha256) {
        return Err(Reason::Denied);
    }
    Ok(artifact)
}

impl Manifest {
    /// What the release has for a platform.
    #[must_use]
    pub fn artifact(&self, kind: ArtifactKind, os: Os, arch: Arch, libc: Option<Libc>) -> Option<&Artifact> {
        let is_it = |one: &&Artifact| (one.kind, one.os, one.arch, one.libc) == (kind, os, arch, libc);
        self.artifacts.iter().find(is_it)
    }
}

impl Root {
    /// True when `next` takes a freshness key away or puts another in its place. Whoever had the old one may have signed
    /// a time far ahead, so a device that follows forgets its floor and begins again at the time of its build: the
    /// recovery from fast-forward attacks of The Update Framework.
    #[must_use]
    pub fn forgets_time(&self, next: &Self) -> bool {
        let keys = |root: &Self| {
            root.roles.get(&Role::Freshness).map(|keys| keys.keyids.clone()).unwrap_or_default()
        };
        let next = keys(next);
        keys(self).iter().any(|keyid| !next.contains(keyid))
    }
}
