//! Service locations in the portal. This file is the list of their pages and parts.

pub mod calls;

mod choice;
mod detail;
mod form;

pub use choice::location_choices;
pub use detail::ServiceLocationPage;
pub use form::LocationFields;
