//! Monitored services: rules that say which services are looked after, what is in force on a device, and how the
//! services stand to it.

mod in_force;
mod rule;
mod state;

pub(crate) use in_force::settings_of;
pub use rule::{add, change, get, list, remove};
pub use state::{of_device, report};
