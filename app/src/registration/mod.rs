//! Registration in the portal: how a machine becomes a device. This file is the list of its pages.

pub mod calls;

mod add;
mod commands;
mod list;
mod state;
mod wait;

pub use add::AddDevicePage;
pub use list::TokenListPage;
pub use wait::WaitForDevicePage;
