//! Suggestions: an alert that opens proposes a command (`propose`), which waits for a person who takes or dismisses it
//! (`decide`), unless a policy lets the server ask by itself; either way through the one door of all commands.

mod decide;
mod list;
mod propose;

pub use decide::{dismiss, take};
pub(crate) use decide::{outdate, settle_taken};
pub use list::list;
pub(crate) use propose::{Proposal, Proposed, propose};
