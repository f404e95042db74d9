//! The binary `reeve`: the portal, the REST API, the agents' link and the jobs, over the verbs of `domain`.
// The type of a whole page of the portal is nested deeper than the compiler follows by itself.
#![recursion_limit = "512"]
#![warn(missing_docs)]

mod api;
mod authenticate;
pub mod cli;
pub mod config;
mod descriptors;
mod events;
mod health;
mod install;
mod job;
mod limit;
mod link;
pub mod mail;
mod oidc;
mod origin;
mod portal;
pub mod router;
mod security;
pub mod serve;
mod state;
mod web;

pub use config::Config;
pub use limit::{Limits, Rate};
pub use serve::Server;
