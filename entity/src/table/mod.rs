//! The tables as SeaORM entities: columns, no behaviour. Only `domain` imports them. `agent_metrics` and `counters`
//! are missing on purpose: they are reached by raw SQL in `domain` alone.

pub mod access_grant;
pub mod api_key;
pub mod audit_entry;
pub mod audit_head;
pub mod business;
pub mod ceremony;
pub mod custom_role;
pub mod device;
pub mod device_event;
pub mod device_latest;
pub mod monitored_service;
pub mod oidc_provider;
pub mod passkey;
pub mod recovery_code;
pub mod registration_token;
pub mod server_state;
pub mod service_location;
pub mod session;
pub mod software_item;
pub mod totp_factor;
pub mod user;
pub mod user_identity;
pub mod user_link;
