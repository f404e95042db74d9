//! Systems whose services this agent cannot list yet: it says that it knows no manager.

use entity::system_service::{ServiceManager, SystemService};

pub const fn manager() -> ServiceManager {
    ServiceManager::None
}

pub fn list() -> std::future::Ready<Option<Vec<SystemService>>> {
    std::future::ready(Some(Vec::new()))
}
