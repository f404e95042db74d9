//! Looks after the services that the server names: tells at once when one crashes, stops or starts, and restarts what
//! has crashed as far as the lock of this machine allows it.

mod keep;
#[cfg(target_os = "linux")]
mod linux;
mod machine;
#[cfg(not(any(target_os = "linux", windows)))]
mod other;
mod restart;
#[cfg(any(target_os = "linux", test))]
mod systemd;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod watcher;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as os;
#[cfg(not(any(target_os = "linux", windows)))]
use other as os;
#[cfg(windows)]
use windows as os;

pub use machine::{Happened, Seen};
pub use os::Manager;
pub use watcher::Watcher;

use entity::{device_lock::LockSummary, system_service::ServiceManager, wire::MonitoredServices};

/// What the server is to know of the services that are looked after and of the lock; the latest is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The services; nothing while there is nothing to say about any.
    pub services: Option<MonitoredServices>,
    /// The lock.
    pub lock: LockSummary,
}

/// The word by which a hello says that this agent looks after services, where it can.
#[must_use]
pub fn capability() -> Option<String> {
    (crate::system_service::manager() != ServiceManager::None).then(|| "monitored_services".to_owned())
}
