//! Rollouts: how something reaches devices over time. A few chosen devices first, then a part of all, then more; each wave
//! has to prove itself before the next one opens, and everything stops by itself when it goes wrong.

#[cfg(feature = "seal")]
mod bucket;
mod decide;
mod input;
mod state;
mod view;

#[cfg(feature = "seal")]
pub use bucket::{bucket, is_in};
pub use decide::{Act, Cause, Halt, Tally, Terms, WaveTerms, decide, may_grant, waiting_for};
pub use input::{
    HaltTerms, NoteInput, PreviewPart, PreviewQuestion, ResumeInput, RollBackInput, RolloutInput,
    RolloutPolicy, RolloutQuery, RolloutTarget, UpdateQuery, WaveInput,
};
pub use state::{Exclusion, RolloutEvent, RolloutKind, RolloutState, WaveState};
pub use view::{
    Excluded, PlatformCounts, RolloutDevice, RolloutLink, RolloutPowers, RolloutPreview, RolloutRow,
    RolloutView, UpdateCounts, WavePreview, WaveView,
};

/// Parts into which devices fall; a percent is a hundred of them.
pub const BUCKETS: u32 = 10_000;
/// Most waves of one rollout.
pub const WAVES_MAX: usize = 20;
/// Most devices that a wave may name.
pub const NAMED_MAX: usize = 500;
/// Fewer named devices than this say little; people are warned.
pub const NAMED_FEW: usize = 5;
/// Most businesses, places or devices that a target may name.
pub const TARGET_MAX: usize = 10_000;
/// Longest soak of a wave: 30 days.
pub const SOAK_SECONDS_MAX: u32 = 30 * 86_400;
/// Most devices that may be about it at once.
pub const IN_FLIGHT_MAX: u32 = 10_000;
/// Devices that may be about it at once when nothing else is said.
pub const IN_FLIGHT_DEFAULT: u32 = 50;
/// Longest time over which the devices of a wave are spread: a day.
pub const SPREAD_SECONDS_MAX: u32 = 86_400;
/// Devices of a wave are spread over so long when nothing else is said.
pub const SPREAD_SECONDS_DEFAULT: u32 = 300;
/// Longest note or reason, in characters.
pub const NOTE_MAX: usize = crate::command::REASON_MAX;
/// Devices that a preview shows of each kind; the others are counted, and come a page at a time.
pub const SHOWN: usize = 20;
/// Devices of such a page.
pub const PREVIEW_PAGE: usize = 200;
