//! Service accounts in the portal: programs that act beside people. This file is the list of its pages.

pub mod calls;

mod detail;
mod form;
mod list;

pub use detail::ServiceAccountPage;
pub use list::ServiceAccountListPage;
