//! The integration tests of the server, in one binary: one module for each thing that must hold. Real servers in this
//! process, real databases, agents that speak the wire.

mod absences;
mod access;
mod account;
mod api;
mod clone;
mod device_list;
mod doors;
mod events;
mod forged_token;
mod install;
mod inventory;
mod key_rotation;
mod link;
mod metric;
mod people;
mod polling;
mod presence;
mod registration;
mod registration_token;
mod security;
mod support;
mod tenancy;
mod tidy;
