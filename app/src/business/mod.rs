//! Businesses in the portal. This file is the list of their pages.

pub mod calls;

mod detail;
mod form;
mod list;
mod locations;
mod people;

pub use detail::BusinessPage;
pub use list::BusinessListPage;
