//! The few calls of the Windows API that the agent needs, behind safe functions. The only package with `unsafe`: each
//! block says why it is sound. What can be said without the system (names, descriptors, the text of an event) is in
//! modules that compile and are tested everywhere; the rest is empty elsewhere.
#![warn(missing_docs)]

pub mod ace;
pub mod event_text;
pub mod name;
pub mod sddl;
pub mod smbios;

#[cfg(windows)]
pub mod console;
#[cfg(windows)]
pub mod credential;
#[cfg(windows)]
pub mod disk;
#[cfg(windows)]
pub mod event_log;
#[cfg(windows)]
pub mod folder;
#[cfg(windows)]
mod handle;
#[cfg(windows)]
pub mod identity;
#[cfg(windows)]
pub mod job;
#[cfg(windows)]
pub mod load;
#[cfg(windows)]
pub mod lock;
#[cfg(windows)]
pub mod machine;
#[cfg(all(windows, feature = "pipe"))]
pub mod pipe;
#[cfg(windows)]
pub mod process;
#[cfg(windows)]
pub mod registry;
#[cfg(windows)]
pub mod run_key;
#[cfg(windows)]
mod security;
#[cfg(windows)]
pub mod service;
#[cfg(windows)]
pub mod software;
#[cfg(windows)]
mod wide;
