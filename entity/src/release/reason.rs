//! Why a document, a file or an update was not taken: one word each, the same on the device, the server and in the portal.

use crate::platform::words;
use serde::{Deserialize, Serialize};

words! {
    /// Why something was not taken.
    Reason {
        /// It is no envelope, or no document of this kind.
        Malformed = "malformed",
        /// It is larger than its kind may be.
        TooLarge = "too_large",
        /// A document of another product or format.
        WrongProduct = "wrong_product",
        /// Too few distinct keys of the role have signed.
        ThresholdUnmet = "threshold_unmet",
        /// The root is not the next one.
        RootNotNext = "root_not_next",
        /// The root is not the one that this device was told to trust.
        RootNotPinned = "root_not_pinned",
        /// This device trusts no root yet.
        NoRoot = "no_root",
        /// The root is out of date.
        RootExpired = "root_expired",
        /// The manifest is out of date.
        ManifestExpired = "manifest_expired",
        /// The timestamp is out of date.
        TimestampExpired = "timestamp_expired",
        /// The timestamp answers another question or another device.
        NonceMismatch = "nonce_mismatch",
        /// The timestamp names another manifest.
        ManifestMismatch = "manifest_mismatch",
        /// It is not newer than what this device has had.
        Downgrade = "downgrade",
        /// A stepping stone is missing.
        MinFrom = "min_from",
        /// The release has nothing for this system, processor or C library.
        NoArtifact = "no_artifact",
        /// This build has failed here before.
        Denied = "denied",
        /// The file has another size.
        SizeMismatch = "size_mismatch",
        /// The file has another digest.
        HashMismatch = "hash_mismatch",
        /// The file is no program for this system and processor.
        WrongFormat = "wrong_format",
        /// There is too little room on the disk.
        DiskFull = "disk_full",
        /// The disk refuses to be written or read.
        FsFault = "fs_fault",
        /// The folder of the updater could be changed by others.
        UnsafeDirectory = "unsafe_directory",
        /// The download did not come to its end.
        DownloadFailed = "download_failed",
        /// The server said no at the last moment, or could not be asked while the grant was over.
        NoGo = "no_go",
        /// The new program failed its own check before the change.
        ProbeFailed = "probe_failed",
        /// The new program says that it is something else than the manifest says.
        HelloMismatch = "hello_mismatch",
        /// The new program did not say what it is in time.
        HelloMissing = "hello_missing",
        /// The new program ended too often.
        Crashed = "crashed",
        /// The new program stopped giving signs of life.
        Hung = "hung",
        /// The new program reached no server though the one before does.
        CannotReachServer = "cannot_reach_server",
        /// The new program collects nothing, or hands nothing in.
        CollectsNothing = "collects_nothing",
        /// The new program takes more memory than is allowed.
        TooMuchMemory = "too_much_memory",
        /// It was not confirmed in the time that it had.
        TrialOverdue = "trial_overdue",
        /// The update took more steps than any update needs.
        TooManySteps = "too_many_steps",
        /// The file of a slot is not what it was.
        SlotDamaged = "slot_damaged",
        /// Something newer is due, or a person took the update back.
        Superseded = "superseded",
    }
}

impl Reason {
    /// What people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Malformed => "A document cannot be read",
            Self::TooLarge => "A document is too large",
            Self::WrongProduct => "A document of another product",
            Self::ThresholdUnmet => "Not signed by enough trusted keys",
            Self::RootNotNext => "Root does not follow the one before",
            Self::RootNotPinned => "Root is not the pinned one",
            Self::NoRoot => "Device trusts no root yet",
            Self::RootExpired => "Root is out of date",
            Self::ManifestExpired => "Release is out of date and has to be signed again",
            Self::TimestampExpired => "Server's timestamp is out of date",
            Self::NonceMismatch => "Answer to another question",
            Self::ManifestMismatch => "Timestamp names another release",
            Self::Downgrade => "Not newer than what the device has had",
            Self::MinFrom => "An earlier release has to come first",
            Self::NoArtifact => "Nothing in the release for this platform",
            Self::Denied => "This build has failed on this device before",
            Self::SizeMismatch => "File has another size",
            Self::HashMismatch => "File has another SHA-256",
            Self::WrongFormat => "Not a program for this platform",
            Self::DiskFull => "Too little room on the disk",
            Self::FsFault => "Disk could not be written or read",
            Self::UnsafeDirectory => "Updater's folder is open to others",
            Self::DownloadFailed => "Download did not come to its end",
            Self::NoGo => "Server did not let it go on",
            Self::ProbeFailed => "New version failed its own check",
            Self::HelloMismatch => "New version is not what the release says",
            Self::HelloMissing => "New version did not say what it is",
            Self::Crashed => "New version ended too often",
            Self::Hung => "New version stopped answering",
            Self::CannotReachServer => "New version does not reach the server",
            Self::CollectsNothing => "New version collects nothing",
            Self::TooMuchMemory => "New version takes too much memory",
            Self::TrialOverdue => "New version was not confirmed in time",
            Self::TooManySteps => "Update took too many steps",
            Self::SlotDamaged => "Installed version is damaged",
            Self::Superseded => "Something newer took its place",
        }
    }
}
