//! Roles in the portal: the built-in ones to read, the custom ones to make. This file is the list of their pages.

pub mod calls;

mod built_in;
mod detail;
mod form;
mod list;
mod permissions;

pub use detail::RolePage;
pub use list::RoleListPage;
pub(crate) use permissions::PermissionBoxes;
pub use permissions::permission_words;
