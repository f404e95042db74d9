//! People: the MSP's own and those of its customers; and the programs that act beside them.

mod change;
mod forgotten;
mod grant;
mod link;
mod view;

pub(crate) use change::{NO_PASSWORD, check_not_above, fill};
pub use change::{add, change, send_reset_link, set_active};
pub(crate) use forgotten::UNDER_WAY_MAX as LETTERS_UNDER_WAY_MAX;
pub use forgotten::{ask_for_link, is_mailed};
pub(crate) use grant::grant;
pub(crate) use link::{InvitedBy, end_links, issue_link};
pub use link::{accept_link, key_of, link, take_link};
pub(crate) use view::{find, views};
pub use view::{get, list};
