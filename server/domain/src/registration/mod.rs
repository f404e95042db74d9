//! Registration tokens, and the moment a machine becomes a device.

mod command;
mod issue;
mod register;

pub use command::OfferedPackage;
pub(crate) use command::with_commands;
pub use issue::{get, issue, list, revoke, take_secret};
pub(crate) use register::expire;
pub use register::register;
