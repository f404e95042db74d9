//! The overview: what needs a person now, and the estate.

mod attention;
pub mod calls;
mod page;

pub use page::OverviewPage;
