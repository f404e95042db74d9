//! The tables as SeaORM entities: columns, no behaviour. Only `domain` imports them. `agent_metrics` and `counters`
//! are missing on purpose: they are reached by raw SQL in `domain` alone.

pub mod audit_entry;
pub mod business;
pub mod device;
pub mod device_event;
pub mod device_latest;
pub mod monitored_service;
pub mod registration_token;
pub mod server_state;
pub mod service_location;
pub mod session;
pub mod software_item;
pub mod user;
pub mod user_grant;
