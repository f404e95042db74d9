//! Businesses in the portal. This file is the list of their pages.

pub mod calls;

mod choice;
mod detail;
mod form;
mod list;
mod list_filter;
mod locations;
mod people;

pub use choice::{FilterBusiness, FindBusiness, Offered, offered, use_business_like};
pub use detail::BusinessPage;
pub use list::BusinessListPage;
pub use list_filter::{ListFilter, Offer, use_offer};
