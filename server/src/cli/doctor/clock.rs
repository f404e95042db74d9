//! The clock of this machine against those of others.

use super::finding::Finding;
use chrono::{DateTime, Datelike as _, Utc};
use domain::{Clock as _, clock::SystemClock};

/// Seconds that two clocks may differ by before somebody should look, and before tokens and challenges fail.
const WARNING_SECONDS: i64 = 5;
const PROBLEM_SECONDS: i64 = 60;
/// A clock before this year was never set.
const YEAR_MIN: i32 = 2026;

/// This machine's clock by itself.
pub(super) fn examine() -> Option<Finding> {
    let now = SystemClock.now();
    (now.year() < YEAR_MIN).then(|| {
        let what = format!("This machine believes that it is {}.", now.format("%Y-%m-%d"));
        Finding::problem("clock", what, "Set its clock; a time service keeps it right.")
    })
}

/// This machine's clock against another one, `whose`, which was read between then and now.
pub(super) fn compare(whose: &str, theirs: DateTime<Utc>, asked_at: DateTime<Utc>) -> Finding {
    let now = SystemClock.now();
    // The answer was on its way for a while: anything in between is the same time.
    let apart = if theirs < asked_at {
        (asked_at - theirs).num_seconds()
    } else {
        (theirs - now).num_seconds().max(0)
    };
    let what = format!("This machine's clock and that of {whose} are {apart} seconds apart.");
    let advice = "Let a time service set both clocks.";
    match apart {
        PROBLEM_SECONDS.. => Finding::problem("clock", what, advice),
        WARNING_SECONDS.. => Finding::warning("clock", what, advice),
        _ => Finding::ok("clock", format!("This machine's clock agrees with that of {whose}.")),
    }
}
