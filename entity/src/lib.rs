//! The nouns of Reeve: what exists, what is said, what is stored. Describes, parses, validates and
//! transitions; reads no clock, does no IO.
#![warn(missing_docs)]

pub mod activity;
pub mod agent_release;
pub mod agent_state;
pub mod agent_token;
pub mod alert;
pub mod api_key;
pub mod approval;
pub mod approval_policy;
pub mod audit;
pub mod business;
pub mod command;
pub mod custom_role;
pub mod device;
pub mod device_lock;
pub mod emergency_stop;
pub mod error_report;
pub mod evidence;
pub mod factor;
pub mod facts;
pub mod id;
pub mod input;
pub mod log_entry;
pub mod metric;
pub mod monitored_service;
pub mod oidc;
pub mod overview;
pub mod package;
pub mod page;
pub mod platform;
pub mod policy;
pub mod portal_event;
pub mod presence;
pub mod problem;
pub mod registration;
pub mod release;
pub mod rollout;
#[cfg(feature = "schema")]
pub mod schema;
pub mod script;
#[cfg(feature = "seal")]
pub mod seal;
pub mod service_location;
pub mod session;
pub mod software_item;
pub mod suggestion;
pub mod system_service;
pub mod update;
pub mod user;
pub mod wire;

#[cfg(feature = "orm")]
pub mod table;
