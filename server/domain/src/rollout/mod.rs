//! Rollouts: a release reaches devices wave by wave, each wave proves itself before the next one opens, and all of it stops
//! by itself when it goes wrong. What is decided is [`entity::rollout::decide`]'s; here it is counted, written down and done.

mod advance;
mod change;
mod hint;
mod judge;
mod list;
mod offer;
mod policy;
mod powers;
mod preview;
mod report;
mod row;
mod seen;
mod step;
mod supersede;
mod tally;
mod target;
#[cfg(test)]
mod tests;
mod timed;
mod trail;
mod undo;
mod update_list;
mod view;
mod wave;

pub use change::{approve, cancel, create, halt, pause, redraft, resume, start, submit};
pub use hint::hint;
pub(crate) use list::needing;
pub use list::{get, list};
pub use offer::{Grant, go, offer, open_release};
pub use policy::{policy, set_policy};
pub use preview::{preview, preview_devices};
pub use report::report;
pub use seen::seen;
pub(crate) use supersede::release_withdrawn;
pub use target::ticked;
pub(crate) use timed::pass;
pub use trail::trail;
pub use undo::roll_back;
pub use update_list::{devices, of_device};

use crate::{Cx, Error, Result};
use chrono::TimeDelta;

/// A grant is good for so long without a word from the device; then its place is another's.
const LEASE: TimeDelta = TimeDelta::hours(1);
/// A device that is silent for so long after the change is not heard from.
const SILENCE: TimeDelta = TimeDelta::minutes(15);
/// A device that is there and never says that it stays has gone wrong after so long: longer than any trial.
const TRIAL: TimeDelta = TimeDelta::hours(25);
/// What came to nothing before the change is granted again after so long.
const AGAIN_AFTER: TimeDelta = TimeDelta::hours(24);
/// Grants of one rollout to one device, at most.
const ATTEMPTS_MAX: i64 = 3;
/// Who does what nobody did.
const SYSTEM: &str = "rollouts";

/// Rollouts are the MSP's business alone.
fn check_view(cx: &Cx) -> Result<()> {
    if cx.me().role.is_msp() && !cx.reach().is_nothing() {
        cx.check_ready()
    } else {
        Err(Error::forbidden("Rollouts are for the MSP's own people."))
    }
}
