//! Devices: the machines.

mod activity;
mod change;
mod count;
mod get;
mod inventory;
mod list;
mod order;
mod transfer;

pub use activity::activity;
pub(crate) use activity::note;
pub use change::{change, revoke, settle_clone};
pub(crate) use count::{CountBy, GroupCounts, presence_counts};
pub use get::get;
pub(crate) use get::{find, os_version, search_text};
pub use inventory::{services, software};
pub use list::list;
pub(crate) use list::{fullest_disks, longest_offline};
pub use transfer::transfer;
