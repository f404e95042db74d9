//! The verbs of Reeve: the only crate that touches the database. Every verb takes who is asking first: a [`Cx`]
//! (a person), an [`AgentCx`] (one device) or a [`SystemCx`] (a job); none of them can be made without
//! authentication. Knows nothing of HTTP, cookies or HTML.
#![warn(missing_docs)]

pub mod access;
pub mod account;
pub mod agent_token;
pub mod alert;
pub mod api_key;
pub mod approval;
pub mod approval_policy;
pub mod artifact_store;
pub mod audit;
pub mod backup;
mod bus;
pub mod business;
pub mod clock;
pub mod command;
mod courier;
pub mod custom_role;
pub mod demo;
pub mod device;
pub mod emergency_stop;
mod error;
pub mod error_report;
pub mod factor;
pub mod job;
mod keys;
pub mod log_entry;
mod mailer;
pub mod metric;
pub mod monitored_service;
mod node;
pub mod oidc;
pub mod overview;
mod presence;
pub mod registration;
pub mod release;
pub mod report;
pub mod rollout;
pub mod script;
mod secret;
pub mod service_account;
pub mod service_location;
mod show_once;
mod store;
pub mod suggestion;
pub mod telemetry;
pub mod user;
mod web;

pub use access::{AgentCx, Confirmed, Cx, SessionSecret, SystemCx, Visitor};
pub use bus::{Bus, BusState, BusTraffic, MESSAGE_BYTES_MAX as BUS_MESSAGE_BYTES_MAX};
pub use clock::Clock;
pub use courier::Courier;
pub use error::{Error, Result};
pub use keys::fingerprint;
pub use mailer::{Letter, Mailer};
pub use node::accept_keys;
pub use presence::LinkId;
pub use secret::{opaque as random_secret, request_id};
pub use store::{Config, Store, inspect, schema};
pub use web::{Web, WebAnswer, WebRequest};
