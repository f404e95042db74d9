//! Approvals in the portal: the inbox of those who decide, and the decision on the page of a request.

pub mod calls;

mod act;
mod card;
mod inbox;
mod overview;
mod waiting;

pub(crate) use act::Decisions;
pub(crate) use calls::get_decision;
pub(crate) use card::DecisionPart;
pub use inbox::ApprovalListPage;
pub(crate) use overview::{WaitingPanel, waiting_for_me};
pub(crate) use waiting::{WaitingCount, provide_waiting};
