//! Windows: the services of the service control manager.

use entity::system_service::{ServiceManager, ServiceStatus, SystemService};
use tokio::task::spawn_blocking;
use windows_api::service::{self, Listed, State};

pub const fn manager() -> ServiceManager {
    ServiceManager::WindowsService
}

pub async fn list() -> Option<Vec<SystemService>> {
    let listed = spawn_blocking(service::list).await.ok()?;
    let listed = listed
        .inspect_err(
            |error| tracing::warn!(%error, "the service control manager cannot be asked for its services"),
        )
        .ok()?;
    Some(listed.into_iter().map(told).collect())
}

fn told(listed: Listed) -> SystemService {
    SystemService {
        display_name: Some(listed.display_name).filter(|name| *name != listed.name),
        service_name: listed.name,
        status: status(listed.state),
        starts_at_boot: listed.starts_at_boot,
        pid: listed.process,
    }
}

/// The words of the wire. A paused service does nothing.
pub const fn status(state: State) -> ServiceStatus {
    match state {
        State::Running => ServiceStatus::Running,
        State::Stopped | State::Paused => ServiceStatus::Stopped,
        State::Failed(_) => ServiceStatus::Failed,
        State::Starting => ServiceStatus::Starting,
        State::Stopping => ServiceStatus::Stopping,
    }
}
