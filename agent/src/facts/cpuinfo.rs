//! Reads `/proc/cpuinfo` and `/proc/meminfo`; pure.
#![cfg_attr(not(any(test, target_os = "linux")), expect(dead_code, reason = "only Linux has these files"))]

use std::collections::BTreeSet;

/// The processors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Model of the first.
    pub model: Option<String>,
    /// Physical cores, where the file says which those are.
    pub cores: Option<u32>,
    /// Logical processors.
    pub threads: Option<u32>,
    /// True when the processor itself says that a hypervisor is below.
    pub under_hypervisor: bool,
}

/// Reads the list of processors.
pub fn read(text: &str) -> Cpu {
    let mut cpu = Cpu::default();
    let mut cores = BTreeSet::new();
    let mut package = String::new();
    for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match key.trim() {
            "processor" => cpu.threads = Some(cpu.threads.unwrap_or(0) + 1),
            "model name" if cpu.model.is_none() => {
                cpu.model = Some(value.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            "physical id" => package = value.to_owned(),
            "core id" => {
                cores.insert((package.clone(), value.to_owned()));
            }
            "flags" => cpu.under_hypervisor |= value.split(' ').any(|flag| flag == "hypervisor"),
            _ => {}
        }
    }
    cpu.cores = u32::try_from(cores.len()).ok().filter(|count| *count > 0);
    cpu
}

/// Main memory in bytes.
pub fn memory_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_counted_once_and_threads_all() {
        let thread = |number: u32, package: u32, core: u32| {
            format!(
                "processor\t: {number}\nmodel name\t: Intel(R) Xeon(R)  Silver 4310\nphysical id\t: {package}\ncore id\t\t: {core}\nflags\t\t: fpu sse hypervisor\n\n"
            )
        };
        let text = [thread(0, 0, 0), thread(1, 0, 0), thread(2, 0, 1), thread(3, 1, 0)].concat();
        let cpu = read(&text);
        assert_eq!((cpu.cores, cpu.threads, cpu.under_hypervisor), (Some(3), Some(4), true));
        assert_eq!(cpu.model.as_deref(), Some("Intel(R) Xeon(R) Silver 4310"));
    }

    #[test]
    fn arm_says_less() {
        let cpu = read("processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd\n\nprocessor\t: 1\n");
        assert_eq!(cpu, Cpu { threads: Some(2), ..Cpu::default() });
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(memory_total("MemTotal:       16255368 kB\nMemFree: 1 kB\n"), Some(16_255_368 * 1024));
        assert_eq!(memory_total(""), None);
    }
}
