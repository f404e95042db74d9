//! A system service: something the operating system keeps running on a device.

use crate::{input::clip, platform::words};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Most services of one report.
pub const SERVICES_MAX: usize = 5_000;

words! {
    /// What a system service is doing.
    ServiceStatus {
        /// It runs.
        Running = "running",
        /// It does not run, and nobody says it should.
        Stopped = "stopped",
        /// It is on its way up.
        Starting = "starting",
        /// It is on its way down.
        Stopping = "stopping",
        /// It ended in an error.
        Failed = "failed",
    }
}

impl ServiceStatus {
    /// The word people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Stopped => "Stopped",
            Self::Starting => "Starting",
            Self::Stopping => "Stopping",
            Self::Failed => "Failed",
        }
    }
}

words! {
    /// What keeps the services of a device.
    ServiceManager {
        /// systemd on Linux.
        Systemd = "systemd",
        /// The service control manager of Windows.
        WindowsService = "windows_service",
        /// launchd on macOS.
        Launchd = "launchd",
        /// There is none that the agent knows, as in most containers.
        None = "none",
    }
}

/// One system service, as the agent reports it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SystemService {
    /// Name, such as `nginx.service`.
    pub service_name: String,
    /// A name for people.
    pub display_name: Option<String>,
    /// What it is doing.
    pub status: ServiceStatus,
    /// True when it is meant to start with the machine.
    pub starts_at_boot: Option<bool>,
    /// Main process.
    pub pid: Option<u32>,
}

impl SystemService {
    /// Bounds everything an agent sent.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self {
            service_name: clip(&self.service_name, 200),
            display_name: self.display_name.map(|text| clip(&text, 200)).filter(|text| !text.is_empty()),
            ..self
        }
    }
}

/// One system service, as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SystemServiceView {
    /// Name, such as `nginx.service`.
    pub service_name: String,
    /// A name for people.
    pub display_name: Option<String>,
    /// What it is doing.
    pub status: ServiceStatus,
    /// True when it is meant to start with the machine.
    pub starts_at_boot: Option<bool>,
    /// Main process.
    pub pid: Option<u32>,
    /// When the status last changed.
    pub last_state_change_at: DateTime<Utc>,
}

/// The system services of one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SystemServicesView {
    /// What keeps them; absent when the agent has not reported yet.
    pub manager: Option<ServiceManager>,
    /// When the agent last reported.
    pub reported_at: Option<DateTime<Utc>>,
    /// Failed ones first, then by name.
    pub items: Vec<SystemServiceView>,
}
