//! Users in the portal. This file is the list of their pages.

pub mod calls;

mod actions;
mod detail;
mod form;
mod list;
mod status;

pub use detail::UserPage;
pub use list::UserListPage;
pub use status::UserStatus;
