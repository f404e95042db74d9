//! The binary `reeve`: the portal, the REST API, the agents' link and the jobs, over the verbs of `domain`.
// The type of a whole page of the portal is nested deeper than the compiler follows by itself.
#![recursion_limit = "512"]
#![warn(missing_docs)]

mod api;
mod artifacts;
mod authenticate;
mod budget;
pub mod bus;
pub mod cli;
pub mod config;
mod connection;
mod descriptors;
mod download;
mod events;
mod health;
mod install;
mod job;
mod limit;
mod link;
mod log;
pub mod mail;
mod oidc;
mod openapi;
mod origin;
mod portal;
mod prompt;
pub mod router;
mod security;
pub mod serve;
mod setting;
mod state;
mod telemetry;
mod tls;
mod upload_form;
mod web;

pub use artifacts::{Artifacts, ArtifactsAt};
pub use config::Config;
pub use connection::Caps;
pub use limit::{Limits, Rate};
pub use log::complain;
pub use serve::Server;
pub use setting::Wrong;
pub use telemetry::MetricsToken;
pub use tls::TlsFiles;
