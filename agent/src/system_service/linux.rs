//! Linux: systemd where it runs, nothing elsewhere.

use super::systemd;
use crate::program;
use entity::system_service::{ServiceManager, SystemService};

pub fn manager() -> ServiceManager {
    // systemd's own test for whether it is in charge; the tool alone may be there without it, as in containers.
    if super::systemd_folder().join("system").is_dir() {
        ServiceManager::Systemd
    } else {
        ServiceManager::None
    }
}

pub async fn list() -> Option<Vec<SystemService>> {
    if manager() == ServiceManager::None {
        return Some(Vec::new());
    }
    let loaded = ask(&["show", "*.service", "--all", "--no-pager", systemd::PROPERTIES]).await?;
    let installed = ask(&["list-unit-files", "--type=service", "--no-legend", "--no-pager"]).await?;
    Some(systemd::services(&loaded, &installed))
}

async fn ask(arguments: &[&str]) -> Option<String> {
    program::output("systemctl", arguments)
        .await
        .inspect_err(|error| tracing::warn!(%error, "systemd cannot be asked for its services"))
        .ok()
}
