//! The real agent against a server that speaks the wire: real processes, real files, real sockets.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod channel;
mod command;
mod command_attack;
mod command_crash;
mod command_hostile;
mod command_service;
mod command_steps;
mod config;
mod disk;
mod error_report;
mod install;
mod link;
mod log;
mod log_tail;
mod monitored_service;
mod outage;
mod process;
mod registration;
mod resident;
mod rotation;
mod schema;
mod service;
mod support;
mod update;
mod update_command;
mod update_evil;
mod update_rogue;
mod update_selfcheck;
mod update_swap;
