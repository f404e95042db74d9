//! What supervisor and agent share: durable files, exit codes, and the supervision itself.
#![warn(missing_docs)]

pub mod backoff;
pub mod channel;
pub mod durable;
pub mod exit;
#[cfg(windows)]
pub mod service;
mod signal;
pub mod supervise;
