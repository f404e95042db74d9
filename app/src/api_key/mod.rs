//! API keys in the portal: one's own, and those of service accounts. This file is the list of its pages and parts.

pub mod calls;

mod detail;
mod form;
mod own;
mod table;

pub use detail::KeyPage;
pub(crate) use form::AddKeyPanel;
pub use own::OwnKeysPage;
pub(crate) use table::KeyTable;
