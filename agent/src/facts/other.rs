//! Systems other than Linux: what sysinfo knows.

use entity::facts::Facts;
use std::net::IpAddr;
use sysinfo::{CpuRefreshKind, Product, System};

pub fn gather() -> Facts {
    let mut system = System::new().ok();
    if let Some(system) = &mut system {
        system.refresh_memory();
        // Asking Windows for the use of processors is expensive; the names are enough.
        system.refresh_cpu_list(CpuRefreshKind::nothing());
    }
    let cpus = system.as_ref().map(System::cpus).unwrap_or_default();
    Facts {
        os_name: System::name().ok(),
        os_version: System::long_os_version().or_else(|_| System::os_version()).ok(),
        kernel_version: System::kernel_version().ok(),
        cpu_model: cpus.first().map(|cpu| cpu.brand().to_owned()),
        cpu_cores: System::physical_core_count().ok().and_then(|count| count.try_into().ok()),
        cpu_threads: u32::try_from(cpus.len()).ok().filter(|count| *count > 0),
        memory_total_bytes: system.as_ref().map(System::total_memory).filter(|bytes| *bytes > 0),
        manufacturer: Product::vendor_name().ok(),
        model: Product::name().ok(),
        serial_number: Product::serial_number().ok(),
        ..Facts::default()
    }
}

pub const fn interface_that_leads_out() -> Option<String> {
    None
}

pub const fn passing_addresses() -> Vec<IpAddr> {
    Vec::new()
}
