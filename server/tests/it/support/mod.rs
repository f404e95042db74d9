//! What the tests stand on: both databases, people, agents, servers, and the repository itself.

pub mod agent;
pub mod authenticator;
pub mod mail;
pub mod oidc;
pub mod oidc_fake;
pub mod people;
pub mod postgres;
pub mod server;
pub mod workspace;
pub mod world;

use std::time::Duration;

/// What is awaited longer than this will not come.
pub const PATIENCE: Duration = Duration::from_secs(15);
