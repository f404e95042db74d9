//! The rows of the table, one family a file.

pub mod agent;
pub mod command;
pub mod density;
pub mod fairness;
pub mod headline;
pub mod ingest;
pub mod list;
pub mod portal;
pub mod restarts;
pub mod sockets;
