//! The audit log in the portal: the list, the page of one entry, and the check of the chain.

pub mod calls;

mod chain;
mod diff;
mod entry;
mod filter;
mod list;
mod query;

pub use entry::AuditEntryPage;
pub use list::AuditPage;
