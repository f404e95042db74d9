//! A package of the agent: what a machine's own installer takes.

use crate::platform::{Arch, Os, words};
use serde::{Deserialize, Serialize};

words! {
    /// What kind of package it is.
    PackageFormat {
        /// Of Debian, Ubuntu and their kin.
        Deb = "deb",
        /// Of Fedora, RHEL, SUSE and their kin.
        Rpm = "rpm",
        /// Of macOS.
        Pkg = "pkg",
        /// Of Windows.
        Msi = "msi",
    }
}

impl PackageFormat {
    /// The systems that take it, as people call them.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Deb => "Debian and Ubuntu",
            Self::Rpm => "Fedora, RHEL and SUSE",
            Self::Pkg => "macOS package",
            Self::Msi => "MSI, for group policy and device management",
        }
    }

    /// The system that it is for.
    #[must_use]
    pub const fn os(self) -> Os {
        match self {
            Self::Deb | Self::Rpm => Os::Linux,
            Self::Pkg => Os::Macos,
            Self::Msi => Os::Windows,
        }
    }

    /// What the file for an architecture is called. Without a version, so that an address stays good, and with the
    /// name that the system itself has for the architecture, so that one line fits all machines.
    #[must_use]
    pub fn file_name(self, arch: Arch) -> String {
        match (self, arch) {
            (Self::Deb, Arch::X86_64) => "reeve-agent_amd64.deb".to_owned(),
            (Self::Deb, Arch::Aarch64) => "reeve-agent_arm64.deb".to_owned(),
            (Self::Rpm, arch) => format!("reeve-agent.{}.rpm", arch.word()),
            (Self::Pkg, Arch::X86_64) => "reeve-agent-x86_64.pkg".to_owned(),
            (Self::Pkg, Arch::Aarch64) => "reeve-agent-arm64.pkg".to_owned(),
            (Self::Msi, arch) => format!("reeve-agent-{}.msi", arch.word()),
        }
    }
}

/// How a machine gets the agent by a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PackageCommand {
    /// The kind of package.
    pub format: PackageFormat,
    /// The architectures that this server has it for; none when it was not built.
    pub architectures: Vec<Arch>,
    /// The line to run, with the registration token; nothing when this server has no such package.
    pub command: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_a_name_of_its_own() {
        let all = PackageFormat::ALL;
        let mut names: Vec<_> =
            all.iter().flat_map(|format| Arch::ALL.iter().map(|arch| format.file_name(*arch))).collect();
        assert!(names.iter().all(|name| name.starts_with("reeve-agent")));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len() * Arch::ALL.len());
    }
}
