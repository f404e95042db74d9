//! What a machine's firmware says about it: maker, model, chassis, and whether it is a machine at all; pure.
#![cfg_attr(
    not(any(test, target_os = "linux", windows)),
    expect(dead_code, reason = "the others are asked otherwise")
)]

use entity::platform::DeviceType;

/// What the firmware says.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// Maker.
    pub manufacturer: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Chassis type by the SMBIOS specification.
    pub chassis: Option<u32>,
}

/// False for what makers leave in when they forget to fill it in.
pub fn is_meant(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    let forgotten = [
        "to be filled by o.e.m.",
        "default string",
        "system manufacturer",
        "system product name",
        "system serial number",
        "not specified",
        "not applicable",
        "o.e.m.",
        "oem",
        "none",
        "n/a",
        "unknown",
        "0123456789",
        "123456789",
    ];
    !text.is_empty() && !forgotten.contains(&text.as_str()) && text.chars().any(|c| c != '0')
}

impl Board {
    /// The hypervisor, when there is one. Firmware names most; the processor only says that there is one.
    pub fn hypervisor(&self, processor_says_so: bool) -> Option<String> {
        let maker = self.manufacturer.as_deref().unwrap_or_default().to_ascii_lowercase();
        let model = self.model.as_deref().unwrap_or_default().to_ascii_lowercase();
        let known = [
            (maker.contains("vmware"), "vmware"),
            (maker.contains("innotek") || model.contains("virtualbox"), "virtualbox"),
            (maker.contains("microsoft") && model.contains("virtual machine"), "hyper-v"),
            (maker.contains("xen") || model.contains("hvm domu"), "xen"),
            (maker.contains("parallels"), "parallels"),
            (maker.contains("amazon ec2") && !model.contains("metal"), "amazon"),
            (maker.contains("google") && model.contains("compute engine"), "google"),
            (maker.contains("qemu") || model.contains("kvm") || model.contains("standard pc ("), "kvm"),
            (maker.contains("openstack") || model.contains("openstack"), "kvm"),
            (maker.contains("bochs") || model.contains("bhyve"), "hypervisor"),
        ];
        let name = known.iter().find(|(matches, _)| *matches).map(|(_, name)| *name);
        name.or(processor_says_so.then_some("hypervisor")).map(str::to_owned)
    }

    /// What role the hardware plays.
    pub const fn device_type(&self, is_virtual: bool) -> Option<DeviceType> {
        if is_virtual {
            return Some(DeviceType::Vm);
        }
        match self.chassis {
            Some(8..=11 | 14 | 30..=32) => Some(DeviceType::Laptop),
            Some(17 | 23 | 25 | 28 | 29) => Some(DeviceType::Server),
            Some(3..=7 | 13 | 15 | 16 | 24 | 34..=36) => Some(DeviceType::Desktop),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(maker: &str, model: &str, chassis: u32) -> Board {
        Board { manufacturer: Some(maker.to_owned()), model: Some(model.to_owned()), chassis: Some(chassis) }
    }

    #[test]
    fn machines_are_told_from_virtual_ones() {
        let kind = |board: Board, cpu: bool| {
            let hypervisor = board.hypervisor(cpu);
            (board.device_type(hypervisor.is_some()), hypervisor)
        };
        let is = |kind, name: &str| (Some(kind), Some(name.to_owned()));
        assert_eq!(kind(board("LENOVO", "21CB", 10), false), (Some(DeviceType::Laptop), None));
        assert_eq!(kind(board("Dell Inc.", "PowerEdge R640", 23), false), (Some(DeviceType::Server), None));
        assert_eq!(kind(board("HP", "EliteDesk", 6), false), (Some(DeviceType::Desktop), None));
        assert_eq!(
            kind(board("Microsoft Corporation", "Surface Pro 9", 9), false),
            (Some(DeviceType::Laptop), None)
        );
        assert_eq!(
            kind(board("Microsoft Corporation", "Virtual Machine", 3), true),
            is(DeviceType::Vm, "hyper-v")
        );
        assert_eq!(kind(board("QEMU", "Standard PC (Q35 + ICH9, 2009)", 1), true), is(DeviceType::Vm, "kvm"));
        assert_eq!(kind(board("VMware, Inc.", "VMware7,1", 1), true), is(DeviceType::Vm, "vmware"));
        assert_eq!(kind(Board::default(), true), is(DeviceType::Vm, "hypervisor"));
        assert_eq!(kind(Board::default(), false), (None, None));
    }

    #[test]
    fn forgotten_entries_are_no_facts() {
        for text in
            ["To Be Filled By O.E.M.", "Default string", " ", "0000000", "None", "System Serial Number"]
        {
            assert!(!is_meant(text), "{text}");
        }
        assert!(is_meant("PF3ABC12") && is_meant("LENOVO"));
    }
}
