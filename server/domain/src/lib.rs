//! The verbs of Reeve: the only crate that touches the database. Every verb takes who is asking first: a [`Cx`]
//! (a person), an [`AgentCx`] (one device) or a [`SystemCx`] (a job); none of them can be made without
//! authentication. Knows nothing of HTTP, cookies or HTML.
#![warn(missing_docs)]

pub mod access;
pub mod account;
pub mod agent_token;
pub mod api_key;
pub mod audit;
pub mod business;
pub mod clock;
mod courier;
pub mod custom_role;
pub mod demo;
pub mod device;
mod error;
pub mod factor;
pub mod job;
mod keys;
mod mailer;
pub mod metric;
pub mod oidc;
pub mod overview;
mod presence;
pub mod registration;
pub mod report;
mod secret;
pub mod service_account;
pub mod service_location;
mod show_once;
mod store;
pub mod user;
mod web;

pub use access::{AgentCx, Confirmed, Cx, SessionSecret, SystemCx, Visitor};
pub use clock::Clock;
pub use courier::Courier;
pub use error::{Error, Result};
pub use mailer::{Letter, Mailer};
pub use presence::LinkId;
pub use secret::request_id;
pub use store::{Config, Store};
pub use web::{Web, WebAnswer, WebRequest};
