//! Approval policies in the portal: how many people it takes for what, for everybody and for each business.

pub mod calls;

mod detail;
pub mod form;
mod list;

pub use detail::{BusinessPolicyPage, DefaultPolicyPage};
pub use list::PolicyListPage;
