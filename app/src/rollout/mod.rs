//! Rollouts in the portal: the list, the designer, one rollout live, its devices, and the updates of one device.

pub mod calls;

mod acts;
mod design;
mod detail;
mod draft;
mod fields;
pub mod form;
mod list;
pub mod picks;
mod preview;
#[cfg(feature = "ssr")]
mod server;
mod terms;
mod trail;
mod updates;
mod wave_fields;
pub mod wave_form;
mod waves;
mod words;

pub use design::DesignPage;
pub use detail::RolloutPage;
pub use list::RolloutListPage;
pub use updates::RolloutDevicesPage;
pub(crate) use updates::{fetched, gap};
pub(crate) use words::{RolloutMark, UpdateMark, why};
