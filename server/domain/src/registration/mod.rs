//! Registration tokens, and the moment a machine becomes a device.

mod issue;
mod register;

pub(crate) use issue::with_commands;
pub use issue::{get, issue, list, revoke, take_secret};
pub(crate) use register::expire;
pub use register::register;
