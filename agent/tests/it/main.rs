//! The real agent against a server that speaks the wire: real processes, real files, real sockets.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod disk;
mod install;
mod link;
mod outage;
mod process;
mod registration;
mod rotation;
mod support;
