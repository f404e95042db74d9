//! Reads what `systemctl show` and `systemctl list-unit-files` write; pure. Unlike the JSON of newer versions, both
//! are the same on every systemd in use, and `show` knows the main process too.
#![cfg_attr(not(any(test, target_os = "linux")), expect(dead_code, reason = "only Linux has systemd"))]

use entity::system_service::{ServiceStatus, SystemService};
use std::collections::BTreeMap;

/// What `systemctl show` is asked for.
pub const PROPERTIES: &str = "--property=Id,Description,LoadState,ActiveState,SubState,UnitFileState,MainPID";

/// Joins the loaded services with those that are only installed.
pub fn services(loaded: &str, installed: &str) -> Vec<SystemService> {
    let mut services: BTreeMap<String, SystemService> =
        loaded.split("\n\n").filter_map(loaded_one).map(|item| (item.service_name.clone(), item)).collect();
    for item in installed.lines().filter_map(installed_one) {
        services.entry(item.service_name.clone()).or_insert(item);
    }
    services.into_values().collect()
}

/// One block of `Name=value` lines.
fn loaded_one(block: &str) -> Option<SystemService> {
    let properties: BTreeMap<&str, &str> = block.lines().filter_map(|line| line.split_once('=')).collect();
    let property = |name: &str| properties.get(name).copied().unwrap_or_default();
    let name = property("Id");
    // Something else asks for it, but it does not exist.
    if name.is_empty() || property("LoadState") == "not-found" {
        return None;
    }
    let description = property("Description");
    Some(SystemService {
        service_name: name.to_owned(),
        display_name: (!description.is_empty() && description != name).then(|| description.to_owned()),
        status: status(property("ActiveState"), property("SubState")),
        starts_at_boot: starts_at_boot(property("UnitFileState")),
        pid: property("MainPID").parse().ok().filter(|pid| *pid > 0),
    })
}

/// Columns: name, state, and on newer versions the distribution's preset.
fn installed_one(line: &str) -> Option<SystemService> {
    let mut columns = line.split_whitespace();
    let name = columns.next()?;
    let state = columns.next()?;
    // A template is a pattern for services, an alias a second name for one.
    if name.contains("@.") || state == "alias" || !name.ends_with(".service") {
        return None;
    }
    Some(SystemService {
        service_name: name.to_owned(),
        display_name: None,
        status: ServiceStatus::Stopped,
        starts_at_boot: starts_at_boot(state),
        pid: None,
    })
}

/// What a service is doing, from two of its properties.
pub fn status(active: &str, sub: &str) -> ServiceStatus {
    match (active, sub) {
        ("failed", _) => ServiceStatus::Failed,
        ("activating", _) => ServiceStatus::Starting,
        ("deactivating", _) => ServiceStatus::Stopping,
        // One that did its work and ended is called active, but nothing of it runs.
        ("active", "exited") => ServiceStatus::Stopped,
        ("active" | "reloading" | "refreshing", _) => ServiceStatus::Running,
        _ => ServiceStatus::Stopped,
    }
}

/// Those that others start (`static`, `indirect`, …) are neither.
fn starts_at_boot(unit_file_state: &str) -> Option<bool> {
    match unit_file_state {
        "enabled" | "enabled-runtime" => Some(true),
        "disabled" | "masked" | "masked-runtime" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaded_and_installed_services_are_joined() {
        let items = services(include_str!("fixture/show.txt"), include_str!("fixture/unit_files.txt"));
        let line = |item: &SystemService| {
            let boot = item.starts_at_boot.map_or("-", |boot| if boot { "boot" } else { "no" });
            format!("{} {} {boot} {}", item.service_name, item.status.word(), item.pid.unwrap_or(0))
        };
        let lines: Vec<_> = items.iter().map(line).collect();
        assert_eq!(
            lines,
            [
                "apache2.service stopped no 0",
                "backup.service failed boot 0",
                "cron.service running boot 412",
                "dbus.service running - 413",
                "flaky.service starting boot 0",
                "getty@tty1.service running boot 501",
                "networking.service stopped boot 0",
                "nfs-blkmap.service stopped no 0",
                "rescue.service stopped - 0",
            ]
        );
        assert_eq!(items[2].display_name.as_deref(), Some("Regular background program processing daemon"));
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert!(services("", "").is_empty());
        assert!(services("Id=\n\nActiveState=active\n", "word\n").is_empty());
    }
}
