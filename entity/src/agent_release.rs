//! Releases of the agent as the server keeps and shows them: a signed manifest, the files that it names, the roots by
//! which it is believed, and how far all that has come.

use crate::{
    id::{DeviceId, ReleaseId},
    page::list_query,
    platform::{Arch, Os, words},
    release::{ArtifactKind, Channel, Libc, Role, Sha256Hex},
    update::Running,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Longest notes that people write beside a release, in bytes.
pub const NOTES_MAX: usize = 16 * 1024;

words! {
    /// Where a release is.
    ReleaseState {
        /// Its manifest is here, some of its files are not.
        Incomplete = "incomplete",
        /// All of its files are here: it may be rolled out.
        Available = "available",
        /// It was taken back: it is offered to nobody any more.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// What moves a release.
    ReleaseEvent {
        /// The last of its files has come.
        Complete = "complete",
        /// A person takes it back.
        Withdraw = "withdraw",
    }
}

impl ReleaseState {
    /// The state that follows, or `None` when the event is refused in this state. What was taken back stays so: whoever
    /// wants it again signs a release with a higher sequence.
    #[must_use]
    pub const fn on(self, event: ReleaseEvent) -> Option<Self> {
        match (self, event) {
            (Self::Incomplete, ReleaseEvent::Complete) => Some(Self::Available),
            (Self::Incomplete | Self::Available, ReleaseEvent::Withdraw) => Some(Self::Withdrawn),
            _ => None,
        }
    }

    /// The word people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Incomplete => "Incomplete",
            Self::Available => "Available",
            Self::Withdrawn => "Withdrawn",
        }
    }
}

impl Channel {
    /// The word people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Stable => "Stable",
            Self::Beta => "Beta",
        }
    }
}

impl ArtifactKind {
    /// The word people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Agent => "Agent",
            Self::Supervisor => "Updater",
        }
    }
}

impl Libc {
    /// The word people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Gnu => "glibc",
            Self::Musl => "musl",
        }
    }
}

/// A release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReleaseView {
    /// Names the release.
    pub id: ReleaseId,
    /// What people call it.
    pub version: String,
    /// Rises with every release of every channel.
    pub seq: u64,
    /// Who it is for.
    pub channel: Channel,
    /// Where it is.
    pub state: ReleaseState,
    /// Files that the manifest names.
    pub artifacts: u32,
    /// Those of them that are here.
    pub artifacts_stored: u32,
    /// For which it has an agent, each once.
    pub platforms: Vec<ReleasePlatform>,
    /// Devices that said last that they run it, within reach.
    pub devices: u64,
    /// When the manifest was signed.
    pub issued_at: DateTime<Utc>,
    /// When the manifest stops being good for updates, unless it is signed again.
    pub expires_at: DateTime<Utc>,
    /// True: that moment is past, and no device takes it.
    pub is_expired: bool,
    /// True: the root that is in force does not vouch for it; its key was taken away.
    pub is_untrusted: bool,
    /// What is new, for people: from the manifest, until somebody writes something else.
    pub notes: String,
    /// Who brought it; none: the command line.
    pub created_by: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When its last file had come.
    pub available_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// Who took it back.
    pub withdrawn_by: Option<String>,
    /// Why, in their words.
    pub withdrawn_reason: Option<String>,
}

/// A system and a processor for which a release has an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReleasePlatform {
    /// The system.
    pub os: Os,
    /// The processor.
    pub arch: Arch,
}

/// A release with everything that its manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReleaseDetail {
    /// The release.
    pub release: ReleaseView,
    /// SHA-256 of the payload of the manifest: what timestamps name.
    pub manifest_sha256: Sha256Hex,
    /// Who signed it, by the names that the root gives to the holders of its keys.
    pub signers: Vec<String>,
    /// Lowest sequence from which a device may come.
    pub min_from: u64,
    /// Whatever is below must not run any longer if there is something else.
    pub min_secure: u64,
    /// Artifacts that must not be run again.
    pub revoked: Vec<Sha256Hex>,
    /// Its files, as the manifest lists them.
    pub artifacts: Vec<ArtifactView>,
    /// May whoever asks upload, change or withdraw it, with a confirmed identity?
    pub may_manage: bool,
}

/// One file of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ArtifactView {
    /// What it is.
    pub kind: ArtifactKind,
    /// For which system.
    pub os: Os,
    /// For which processor.
    pub arch: Arch,
    /// For which C library; Linux only.
    pub libc: Option<Libc>,
    /// Bytes.
    pub size_bytes: u64,
    /// Of those bytes; under this name it is fetched: `/artifacts/sha256/<hex>`.
    pub sha256: Sha256Hex,
    /// What the program says of itself.
    pub build_id: String,
    /// What it is called when a person saves it.
    pub file_name: String,
    /// When it came; none: it is missing.
    pub stored_at: Option<DateTime<Utc>>,
    /// Who brought it; none: the command line, or nobody yet.
    pub stored_by: Option<String>,
    /// Devices that said last that they run exactly this, within reach.
    pub devices: u64,
}

/// What came of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UploadAnswer {
    /// The release, as it is now.
    pub release: ReleaseView,
    /// The file; none when only a manifest came.
    pub artifact: Option<StoredArtifact>,
    /// All files of the release are here.
    pub is_complete: bool,
}

/// A file that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoredArtifact {
    /// SHA-256 of its bytes.
    pub sha256: Sha256Hex,
    /// How many there are.
    pub size_bytes: u64,
    /// False: it had been here before.
    pub is_new: bool,
}

/// What is asked to change a release: notes, or to take it back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReleaseChange {
    /// What is new, for people; absent: stays as it is.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::ReleaseNotes>"))]
    pub notes: Option<String>,
    /// Why it is taken back; absent: it is not.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Reason>"))]
    pub withdraw_reason: Option<String>,
}

/// A root: who may sign what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RootView {
    /// From 1; each vouches for the next.
    pub version: u64,
    /// SHA-256 of its payload: what people compare with what the tool printed.
    pub fingerprint: Sha256Hex,
    /// When it was made.
    pub issued_at: DateTime<Utc>,
    /// When it stops being good for updates.
    pub expires_at: DateTime<Utc>,
    /// True: that moment is past.
    pub is_expired: bool,
    /// True: this is the one that is in force.
    pub is_current: bool,
    /// Its keys.
    pub keys: Vec<RootKeyView>,
    /// How many keys of each role have to sign.
    pub thresholds: Vec<ThresholdView>,
    /// True: the server holds the key that the root names for freshness, and devices get timestamps and receipts.
    pub has_freshness_key: bool,
    /// Who brought it; none: the command line, or nobody yet.
    pub added_by: Option<String>,
    /// When; none: it was looked at only.
    pub added_at: Option<DateTime<Utc>>,
}

/// A key of a root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RootKeyView {
    /// SHA-256 of the public key.
    pub keyid: Sha256Hex,
    /// Who holds it.
    pub holder: String,
    /// What it may sign.
    pub roles: Vec<Role>,
}

/// How many keys of a role have to sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ThresholdView {
    /// The role.
    pub role: Role,
    /// Distinct keys.
    pub threshold: u8,
}

/// What is asked to add a root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RootInput {
    /// The envelope, as `reeve-release root` wrote it.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::RootEnvelope"))]
    pub root: String,
    /// [`RootView::fingerprint`], compared with what its makers say: nothing vouches for the first root but this.
    #[serde(default)]
    pub fingerprint: Option<Sha256Hex>,
}

/// A root that somebody wants to look at before it is added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RootQuestion {
    /// The envelope, as `reeve-release root` wrote it.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::RootEnvelope"))]
    pub root: String,
}

/// What is asked to put a device on a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReleaseChannelInput {
    /// Which one; that of its business when absent.
    #[serde(default)]
    pub channel: Option<Channel>,
}

/// Which releases a device is for, and which one it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReleaseChannelView {
    /// The device.
    pub device_id: DeviceId,
    /// The channel that it follows.
    pub channel: Channel,
    /// Its own; none: it follows that of its business.
    pub own_channel: Option<Channel>,
    /// That of its business.
    pub business_channel: Channel,
    /// What it runs, as it said last; none before it said so.
    pub running: Option<Running>,
}

list_query! {
    /// What is asked of the releases, newest first.
    ReleaseQuery, {
        /// Only those of this channel.
        channel: Channel,
        /// Only those that are here.
        state: ReleaseState,
    }
}

/// What a file of a release is called when a person saves it.
#[must_use]
pub fn file_name(kind: ArtifactKind, os: Os, arch: Arch, libc: Option<Libc>, version: &str) -> String {
    let program = match kind {
        ArtifactKind::Agent => "agent",
        ArtifactKind::Supervisor => "updater",
    };
    let libc = libc.filter(|libc| *libc == Libc::Musl).map_or("", |_| "-musl");
    let suffix = if os == Os::Windows { ".exe" } else { "" };
    format!("{program}-{}-{}{libc}-{version}{suffix}", os.word(), arch.word())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn every_state_and_event() {
        let mut grid = String::new();
        for state in ReleaseState::ALL {
            for event in ReleaseEvent::ALL {
                let next = state.on(*event).map_or("refused", ReleaseState::word);
                writeln!(grid, "{:<11} {:<9} {next}", state.word(), event.word())
                    .expect("a string takes all");
            }
        }
        insta::assert_snapshot!(grid);
    }

    #[test]
    fn a_file_is_called_by_what_it_is() {
        let name = |kind, os, libc| file_name(kind, os, Arch::X86_64, libc, "1.4.0");
        assert_eq!(name(ArtifactKind::Agent, Os::Linux, Some(Libc::Gnu)), "agent-linux-x86_64-1.4.0");
        assert_eq!(name(ArtifactKind::Agent, Os::Linux, Some(Libc::Musl)), "agent-linux-x86_64-musl-1.4.0");
        assert_eq!(name(ArtifactKind::Supervisor, Os::Windows, None), "updater-windows-x86_64-1.4.0.exe");
    }
}
