//! Linux: `/proc`, `/sys` and the files of the distribution.

use super::{cpuinfo, dmi, os_release};
use entity::facts::Facts;
use std::{
    fs,
    net::{IpAddr, Ipv6Addr},
    path::Path,
};

fn read(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

pub fn gather() -> Facts {
    let release = read("/etc/os-release").or_else(|| read("/usr/lib/os-release")).unwrap_or_default();
    let (os_name, os_version) = os_release::name_and_version(&release);
    let cpu = cpuinfo::read(&read("/proc/cpuinfo").unwrap_or_default());
    let board = dmi::Board {
        manufacturer: read("/sys/class/dmi/id/sys_vendor").filter(|text| dmi::is_meant(text)),
        model: read("/sys/class/dmi/id/product_name")
            .filter(|text| dmi::is_meant(text))
            .or_else(|| read("/proc/device-tree/model")),
        chassis: read("/sys/class/dmi/id/chassis_type").and_then(|number| number.parse().ok()),
    };
    let virtualization = container().or_else(|| board.hypervisor(cpu.under_hypervisor));
    Facts {
        os_name,
        os_version,
        kernel_version: read("/proc/sys/kernel/osrelease"),
        cpu_model: cpu.model,
        cpu_cores: cpu.cores,
        cpu_threads: cpu.threads,
        memory_total_bytes: read("/proc/meminfo").and_then(|text| cpuinfo::memory_total(&text)),
        device_type: board.device_type(virtualization.is_some()),
        manufacturer: board.manufacturer,
        model: board.model,
        serial_number: read("/sys/class/dmi/id/product_serial")
            .filter(|text| dmi::is_meant(text))
            .or_else(|| read("/proc/device-tree/serial-number")),
        virtualization,
        ..Facts::default()
    }
}

/// The container runtime, when this is a container.
fn container() -> Option<String> {
    if let Some(name) = read("/run/systemd/container") {
        return Some(name);
    }
    let marks = [("/run/.containerenv", "podman"), ("/.dockerenv", "docker"), ("/dev/.lxc-boot-id", "lxc")];
    let found = marks.iter().find(|(path, _)| Path::new(path).exists())?;
    Some(found.1.to_owned())
}

/// The interface of the default route.
pub fn interface_that_leads_out() -> Option<String> {
    default_route(&read("/proc/net/route")?)
}

/// Columns: interface, destination, gateway, flags, …
fn default_route(table: &str) -> Option<String> {
    table.lines().skip(1).find_map(|line| {
        let mut columns = line.split_whitespace();
        let interface = columns.next()?;
        (columns.next()? == "00000000").then(|| interface.to_owned())
    })
}

/// Addresses that the kernel makes up and gives up every few hours for privacy; they describe nothing.
pub fn passing_addresses() -> Vec<IpAddr> {
    passing(&read("/proc/net/if_inet6").unwrap_or_default())
}

/// Columns: address, interface number, prefix length, scope, flags, interface. Flag 1 marks the passing ones.
fn passing(table: &str) -> Vec<IpAddr> {
    let line = |line: &str| -> Option<IpAddr> {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let flags = u32::from_str_radix(columns.get(4)?, 16).ok()?;
        let address = u128::from_str_radix(columns.first()?, 16).ok()?;
        (flags & 1 == 1).then(|| IpAddr::V6(Ipv6Addr::from_bits(address)))
    };
    table.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_of_the_default_route_is_found() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                     docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
                     eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
        assert_eq!(default_route(table).as_deref(), Some("eth0"));
        assert_eq!(default_route("Iface\tDestination\n"), None);
    }

    #[test]
    fn passing_addresses_are_told_from_lasting_ones() {
        let table = "20010db80000000000000000000000aa 04 40 00 00     eth0\n\
                     20010db80000000008f2c3d1e4a5b697 04 40 00 01     eth0\n\
                     broken\n";
        assert_eq!(passing(table), ["2001:db8::8f2:c3d1:e4a5:b697".parse::<IpAddr>().unwrap()]);
    }
}
