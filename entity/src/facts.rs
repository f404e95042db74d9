//! What a machine is: hardware and operating system, as the agent found them.

use crate::{input::clip, platform::DeviceType};
use serde::{Deserialize, Serialize};

/// Facts about a machine; anything the agent could not find out is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Facts {
    /// Host name.
    pub hostname: String,
    /// What role the hardware plays.
    pub device_type: Option<DeviceType>,
    /// Name of the operating system or distribution, such as `Debian GNU/Linux`.
    pub os_name: Option<String>,
    /// Its version, such as `12 (bookworm)`.
    pub os_version: Option<String>,
    /// Kernel release.
    pub kernel_version: Option<String>,
    /// Processor model.
    pub cpu_model: Option<String>,
    /// Physical cores.
    pub cpu_cores: Option<u32>,
    /// Logical processors.
    pub cpu_threads: Option<u32>,
    /// Main memory.
    pub memory_total_bytes: Option<u64>,
    /// Sum of all local disks.
    pub disk_total_bytes: Option<u64>,
    /// Maker of the machine.
    pub manufacturer: Option<String>,
    /// Model of the machine.
    pub model: Option<String>,
    /// Serial number of the machine.
    pub serial_number: Option<String>,
    /// Hypervisor or container runtime, when there is one.
    pub virtualization: Option<String>,
    /// IANA time zone.
    pub timezone: Option<String>,
    /// Addresses of the interfaces that are up, loopback left out.
    pub ip_addresses: Vec<String>,
    /// Hardware address of the first of them.
    pub mac_address: Option<String>,
    /// Changes with every boot.
    pub boot_id: Option<String>,
}

/// Longest text of one fact, in characters.
const FACT_MAX: usize = 200;
/// Most addresses kept.
const ADDRESSES_MAX: usize = 32;

impl Facts {
    /// Bounds everything an agent sent.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.hostname = clip(&self.hostname, FACT_MAX);
        for text in [
            &mut self.os_name,
            &mut self.os_version,
            &mut self.kernel_version,
            &mut self.cpu_model,
            &mut self.manufacturer,
            &mut self.model,
            &mut self.serial_number,
            &mut self.virtualization,
            &mut self.timezone,
            &mut self.mac_address,
            &mut self.boot_id,
        ] {
            *text = text.take().map(|text| clip(&text, FACT_MAX)).filter(|text| !text.is_empty());
        }
        self.ip_addresses.truncate(ADDRESSES_MAX);
        for address in &mut self.ip_addresses {
            *address = clip(address, FACT_MAX);
        }
        self
    }
}
