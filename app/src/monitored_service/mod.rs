//! Monitored services in the portal: which are looked after, everywhere, at a business, and on one device.

pub mod calls;

mod add;
mod detail;
mod list;
mod lock;
mod of_business;
mod of_device;
mod words;

pub use detail::MonitoredServicePage;
pub use list::MonitoredServiceListPage;
pub(crate) use lock::{DeviceLockPanel, LockChip};
pub(crate) use of_business::MonitoredServicesPanel;
pub(crate) use of_device::{LookAfter, LookedAfterPanel};
pub(crate) use words::ServicesWrong;
