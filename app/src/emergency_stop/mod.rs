//! The emergency stop in the portal: one person stops strong commands, several let them go on, and every page says so
//! meanwhile.

pub mod calls;

mod banner;
mod page;

pub(crate) use banner::{StopBanner, provide_stops};
pub use page::EmergencyStopPage;
