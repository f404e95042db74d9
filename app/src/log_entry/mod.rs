//! Log entries in the portal: what devices wrote about things going wrong. This file is the list of their pages and parts.

pub mod calls;

mod device;
mod filter;
mod lines;
mod list;
mod query;
mod settings;
mod sources;

pub use device::LogsTab;
pub use list::LogListPage;
pub use settings::{BusinessMonitoringPanels, MonitoringSettingsPage};
