//! Alerts: a rule of a business (`rule`) is held against what devices send (`evaluate`, `load`, `service`), opens one alert
//! a device and rule (`raise`), with a suggestion where there is something to do about it, and people acknowledge and resolve it (`change`); what has been quiet for long enough is over (`clear`).

mod change;
mod clear;
mod evaluate;
mod in_force;
mod list;
mod load;
mod raise;
mod rule;
mod service;
mod who;

pub use change::{acknowledge, resolve};
pub(crate) use clear::clear_quiet;
pub(crate) use evaluate::{Subject, look_at_errors};
pub(crate) use list::count_open;
pub use list::{get, list, of_device};
pub(crate) use load::{Loads, look_at_load};
pub use rule::{get_business, get_default, set_business, set_default};
pub(crate) use service::{Down, ServicePlan};

/// The states in which an alert needs a person, or has one.
const OPEN: [entity::alert::AlertState; 2] =
    [entity::alert::AlertState::Firing, entity::alert::AlertState::Acknowledged];
