//! Devices in the portal: the list and the page of one. This file is the list of their pages.

pub mod calls;

mod activity;
mod chart;
mod clone;
mod facts;
mod filter;
mod follow;
mod form;
mod head;
mod latest;
mod list;
mod metrics;
mod overview;
mod page;
mod query;
mod range;
mod record;
mod record_tab;
mod services;
mod software;
mod table;
mod ticks;
mod transfer;
mod updates;

pub use list::DeviceListPage;
pub use page::DevicePage;
