//! Setup: makes the first admin, behind a one-time link. Afterwards there is nothing here.

pub mod calls;
mod page;

pub use page::SetupPage;
