//! What supervisor and agent share: durable files, exit codes, the build stamp, their channel; and the supervisor itself,
//! which updates the agent and takes an update back.
#![warn(missing_docs)]

pub mod apply;
pub mod backoff;
pub mod built;
pub mod channel;
mod child;
pub mod denied;
pub mod durable;
pub mod engine;
pub mod exit;
pub mod fs;
pub mod gate;
pub mod machine;
pub mod patience;
pub mod probe;
pub mod record;
pub mod recover;
pub mod restore;
pub mod selfcheck;
#[cfg(windows)]
pub mod service;
mod signal;
#[cfg(all(test, target_os = "linux"))]
mod sim;
pub mod slot;
pub mod status;
pub mod supervise;
pub mod terms;
pub mod trust;
pub mod uninstall;
pub mod watch;
