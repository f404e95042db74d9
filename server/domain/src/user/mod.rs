//! People: the MSP's own and those of its customers; and the programs that act beside them.

mod change;
mod link;
mod view;

pub use change::{add, change, send_reset_link, set_active};
pub(crate) use link::{InvitedBy, issue_link};
pub use link::{accept_link, link, take_link};
pub(crate) use view::find;
pub use view::{get, list};
