//! The agent of Reeve: registers a device, watches it, and tells the server.
#![warn(missing_docs)]

pub mod arguments;
pub mod chance;
pub mod collect;
pub mod event;
pub mod facts;
pub mod failure;
pub mod http;
pub mod identity;
pub mod inventory;
pub mod link;
pub mod lock;
pub mod log;
pub mod machine;
pub mod metric;
pub mod paths;
pub mod program;
pub mod register;
pub mod registration;
pub mod rotate;
pub mod run;
pub mod software;
pub mod spool;
pub mod state;
pub mod status;
pub mod system_service;
pub mod timing;
pub mod tls;
pub mod token;
