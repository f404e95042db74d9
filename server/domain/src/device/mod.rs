//! Devices: the machines.

mod activity;
mod change;
mod count;
mod get;
mod inventory;
mod list;
mod transfer;

pub use activity::activity;
pub(crate) use activity::note;
pub use change::{change, revoke, settle_clone};
pub(crate) use count::{CountBy, presence_counts};
pub use get::get;
pub(crate) use get::{find, os_version, search_text};
pub use inventory::{services, software};
pub use list::list;
pub(crate) use list::{Narrow, rows};
pub use transfer::transfer;
