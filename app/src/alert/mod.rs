//! Alerts in the portal: what needs a person, and the rules that say so. This file is the list of their pages and parts.

pub mod calls;

mod detail;
mod device;
mod list;
mod rule;
mod table;

pub use detail::AlertPage;
pub use device::{AlertsTab, OpenAlerts};
pub use list::AlertListPage;
pub use rule::BurstForm;
