//! Service locations in the portal. This file is the list of their pages and parts.

pub mod calls;

mod detail;
mod form;

pub use detail::ServiceLocationPage;
pub use form::LocationFields;
