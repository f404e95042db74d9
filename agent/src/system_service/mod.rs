//! Lists the system services.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(any(target_os = "linux", windows)))]
mod other;
mod systemd;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as os;
#[cfg(not(any(target_os = "linux", windows)))]
use other as os;
#[cfg(windows)]
use windows as os;
#[cfg(windows)]
pub(crate) use windows::status as windows_status;

use entity::system_service::{SERVICES_MAX, ServiceManager, ServiceStatus, SystemService};
use std::collections::HashMap;

#[cfg(any(target_os = "linux", test))]
pub(crate) use systemd::status as systemd_status;

/// Where systemd has its folder while the machine is up. Builds for tests take another one, to play a systemd.
#[cfg(target_os = "linux")]
pub(crate) fn systemd_folder() -> std::path::PathBuf {
    #[cfg(debug_assertions)]
    if let Some(folder) = std::env::var_os("REEVE_TEST_SYSTEMD") {
        return folder.into();
    }
    std::path::PathBuf::from("/run/systemd")
}

/// What keeps the services of this machine.
#[must_use]
pub fn manager() -> ServiceManager {
    os::manager()
}

/// The services in order, none where nothing keeps them; `None` when they cannot be read now.
pub async fn list() -> Option<Vec<SystemService>> {
    let mut items: Vec<SystemService> = os::list().await?.into_iter().map(SystemService::bounded).collect();
    items.sort();
    items.truncate(SERVICES_MAX);
    Some(items)
}

/// What the services were doing at the last look.
#[derive(Clone, Debug, Default)]
pub struct Watch(HashMap<String, ServiceStatus>);

impl Watch {
    /// Compares with the last look: names of the services that ran then and have failed since.
    pub fn crashed(&mut self, items: &[SystemService]) -> Vec<String> {
        let was_running = |name: &str| self.0.get(name) == Some(&ServiceStatus::Running);
        let crashed = items
            .iter()
            .filter(|item| item.status == ServiceStatus::Failed && was_running(&item.service_name))
            .map(|item| item.service_name.clone())
            .collect();
        self.0 = items.iter().map(|item| (item.service_name.clone(), item.status)).collect();
        crashed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, status: ServiceStatus) -> SystemService {
        SystemService {
            service_name: name.to_owned(),
            display_name: None,
            status,
            starts_at_boot: None,
            pid: None,
        }
    }

    #[test]
    fn only_what_ran_and_failed_has_crashed() {
        let mut watch = Watch::default();
        use ServiceStatus::{Failed, Running, Stopped};
        assert!(
            watch.crashed(&[service("a", Running), service("b", Failed), service("c", Running)]).is_empty()
        );
        let crashed = watch.crashed(&[service("a", Failed), service("b", Failed), service("c", Stopped)]);
        assert_eq!(crashed, ["a"]);
        assert!(watch.crashed(&[service("a", Failed)]).is_empty(), "it is told once");
    }

    #[tokio::test]
    async fn a_machine_without_a_manager_says_so() {
        if manager() == ServiceManager::None {
            assert_eq!(list().await, Some(Vec::new()));
        } else {
            assert!(!list().await.unwrap().is_empty());
        }
    }
}
