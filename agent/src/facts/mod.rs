//! Finds out what the machine is: hardware, operating system, addresses.

mod cpuinfo;
mod dmi;
#[cfg(target_os = "linux")]
mod linux;
mod os_release;
#[cfg(not(any(target_os = "linux", windows)))]
mod other;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as os;
#[cfg(not(any(target_os = "linux", windows)))]
use other as os;
#[cfg(windows)]
use windows as os;

use crate::{
    machine,
    metric::{disk, is_loopback},
};
use entity::facts::Facts;
use std::net::IpAddr;
use sysinfo::{InterfaceOperationalState, MacAddr, Networks};

/// Everything that can be found out; the rest is absent.
#[must_use]
pub fn gather() -> Facts {
    let (ip_addresses, mac_address) = addresses();
    let disks = disk::all();
    Facts {
        hostname: machine::hostname(),
        disk_total_bytes: (!disks.is_empty()).then(|| disks.iter().map(|disk| disk.total_bytes).sum()),
        timezone: iana_time_zone::get_timezone().ok(),
        ip_addresses,
        mac_address,
        boot_id: machine::boot_id(),
        ..os::gather()
    }
    .bounded()
}

/// Addresses of the interfaces that are up, and the hardware address of the first: the one that leads out comes
/// first, then by name.
fn addresses() -> (Vec<String>, Option<String>) {
    let Ok(networks) = Networks::new_with_refreshed_list() else { return (Vec::new(), None) };
    let leads_out = os::interface_that_leads_out();
    let passing = os::passing_addresses();
    let mut up: Vec<_> = networks
        .iter()
        .map(|(name, data)| (name.to_string_lossy().into_owned(), data))
        .filter(|(name, data)| {
            !is_loopback(name) && data.operational_state() != InterfaceOperationalState::Down
        })
        .collect();
    up.sort_by_key(|(name, _)| (leads_out.as_ref() != Some(name), name.clone()));
    let mut addresses = Vec::new();
    let mut mac = None;
    for (_, data) in up {
        let mut own: Vec<IpAddr> = data.ip_networks().iter().map(|network| network.addr).collect();
        own.retain(|address| reaches(address) && !passing.contains(address));
        own.sort();
        if !own.is_empty() && mac.is_none() && data.mac_address() != MacAddr::UNSPECIFIED {
            mac = Some(data.mac_address().to_string());
        }
        addresses.extend(own.iter().map(ToString::to_string));
    }
    (addresses, mac)
}

/// False for addresses that nobody else can use.
fn reaches(address: &IpAddr) -> bool {
    !address.is_loopback()
        && match address {
            IpAddr::V4(v4) => !v4.is_unspecified(),
            IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_unicast_link_local(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_described() {
        let facts = gather();
        assert!(!facts.hostname.is_empty());
        assert!(facts.os_name.is_some() && facts.cpu_threads.is_some_and(|threads| threads > 0));
        assert!(facts.memory_total_bytes.is_some());
        assert!(
            !facts
                .ip_addresses
                .iter()
                .any(|address| address.starts_with("127.") || address.starts_with("fe80"))
        );
        assert_eq!(gather(), facts, "looking twice gives the same");
    }
}
