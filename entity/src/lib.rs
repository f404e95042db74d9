//! The nouns of Reeve: what exists, what is said, what is stored. Describes, parses, validates and
//! transitions; reads no clock, does no IO.
#![warn(missing_docs)]

pub mod activity;
pub mod agent_token;
pub mod api_key;
pub mod audit;
pub mod business;
pub mod custom_role;
pub mod device;
pub mod factor;
pub mod facts;
pub mod id;
pub mod input;
pub mod metric;
pub mod oidc;
pub mod overview;
pub mod page;
pub mod platform;
pub mod policy;
pub mod portal_event;
pub mod presence;
pub mod problem;
pub mod registration;
pub mod service_location;
pub mod session;
pub mod software_item;
pub mod system_service;
pub mod user;
pub mod wire;

#[cfg(feature = "orm")]
pub mod table;
