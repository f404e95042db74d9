//! Users in the portal. This file is the list of their pages.

pub mod calls;

mod actions;
mod choices;
mod detail;
mod fields;
mod form;
mod list;
mod reach;
mod status;

pub use detail::UserPage;
pub use list::UserListPage;
pub use status::UserStatus;
