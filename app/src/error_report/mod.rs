//! Errors in the portal: what agents say went wrong inside them, over all devices, of one device, and each by itself.

pub mod calls;

mod detail;
mod device;
mod list;
mod query;
mod table;

pub use detail::ErrorPage;
pub use device::ErrorsTab;
pub use list::ErrorListPage;
