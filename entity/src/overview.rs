//! The first page after sign-in: what needs a person now, and the estate in one bar per business.

use crate::{
    business::PresenceCounts,
    device::DeviceRow,
    id::{BusinessId, ServiceLocationId},
};
use serde::{Deserialize, Serialize};

/// A disk fuller than this, in percent, needs a person.
pub const DISK_ATTENTION_PERCENT: f32 = 90.0;
/// Most devices listed under one heading.
pub const ATTENTION_MAX: u64 = 10;

/// Most bars of the estate for the MSP's people.
pub const ESTATE_MAX: usize = 50;

/// The overview within the reach of who asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// All devices by presence.
    pub devices: PresenceCounts,
    /// Devices that are offline, longest first, at most [`ATTENTION_MAX`].
    pub offline: Vec<DeviceRow>,
    /// Devices with a disk above [`DISK_ATTENTION_PERCENT`], fullest first, at most [`ATTENTION_MAX`].
    pub disks: Vec<DeviceRow>,
    /// How many devices have such a disk in all.
    pub disks_total: u64,
    /// System services in the state failed, over all devices.
    pub failed_services: u64,
    /// Alerts that need a person, or have one.
    pub open_alerts: u64,
    /// Registration tokens that wait for a machine.
    pub waiting_tokens: u64,
    /// Rollouts that stopped and wait for a person; none for a customer.
    pub rollouts_halted: u64,
    /// Rollouts that wait for a yes which whoever asks may give.
    pub rollouts_awaiting: u64,
    /// One bar per business for the MSP's people, at most [`ESTATE_MAX`]: those with the most silent devices when there
    /// are more; one per service location for a customer. By name.
    pub estate: Vec<EstateRow>,
    /// How many businesses or service locations there are in all.
    pub estate_total: u64,
}

/// One bar of the estate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EstateRow {
    /// Whose devices.
    pub business_id: BusinessId,
    /// Which place, when the bar stands for one.
    pub service_location_id: Option<ServiceLocationId>,
    /// The name beside the bar.
    pub name: String,
    /// Devices by presence.
    pub devices: PresenceCounts,
}
