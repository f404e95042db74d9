//! Windows: the registry, the firmware's tables, and what sysinfo knows.

use super::dmi;
use entity::facts::Facts;
use std::{net::IpAddr, thread::available_parallelism};
use sysinfo::System;
use windows_api::machine;

pub fn gather() -> Facts {
    let windows = machine::look();
    let firmware = machine::board();
    let meant = |text: Option<String>| text.filter(|text| dmi::is_meant(text));
    let board = dmi::Board {
        manufacturer: meant(firmware.manufacturer),
        model: meant(firmware.model),
        chassis: firmware.chassis,
    };
    let virtualization = board.hypervisor(false);
    Facts {
        os_name: windows.product,
        os_version: windows.release.or_else(|| windows.build.clone()),
        kernel_version: windows.build,
        cpu_model: windows.processor,
        cpu_cores: System::physical_core_count().ok().and_then(|count| count.try_into().ok()),
        cpu_threads: available_parallelism().ok().and_then(|count| u32::try_from(count.get()).ok()),
        memory_total_bytes: memory(),
        device_type: board.device_type(virtualization.is_some()),
        manufacturer: board.manufacturer,
        model: board.model,
        serial_number: meant(firmware.serial_number),
        virtualization,
        ..Facts::default()
    }
}

fn memory() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    Some(system.total_memory()).filter(|bytes| *bytes > 0)
}

pub const fn interface_that_leads_out() -> Option<String> {
    None
}

pub const fn passing_addresses() -> Vec<IpAddr> {
    Vec::new()
}
