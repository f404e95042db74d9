//! Error reports: what agents say went wrong inside them, counted per device and error, and what people decide about it.

mod decide;
mod group;
mod list;
mod pace;
mod receive;
mod retention;

pub use decide::decide;
pub use group::{groups, options};
pub use list::{get, list, of_device};
pub use receive::receive;
pub(crate) use retention::forget_old;
