//! Linux: the databases of dpkg and rpm, whichever there are.

use super::parse;
use crate::program;
use entity::software_item::SoftwareItem;
use std::{fs, path::Path, time::UNIX_EPOCH};

/// Where dpkg keeps its list.
const DPKG: &str = "/var/lib/dpkg/status";
/// Where rpm keeps its database, by age of the distribution.
const RPM: &[&str] = &[
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/rpm/Packages.db",
    "/usr/lib/sysimage/rpm/Packages.db",
    "/var/lib/rpm/Packages",
];

fn has_dpkg() -> bool {
    Path::new(DPKG).exists()
}

fn has_rpm() -> bool {
    RPM.iter().any(|path| Path::new(path).exists())
}

pub fn capabilities() -> Vec<String> {
    let found = [(has_dpkg(), "software.dpkg"), (has_rpm(), "software.rpm")];
    found.iter().filter(|(there, _)| *there).map(|(_, name)| (*name).to_owned()).collect()
}

pub fn stamp() -> Option<String> {
    let stamp = |path: &str| {
        let changed = fs::metadata(path).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(format!("{path}@{}", changed.as_nanos()))
    };
    // SQLite writes beside its file first.
    let beside = RPM.iter().map(|path| format!("{path}-wal"));
    let paths =
        std::iter::once(DPKG.to_owned()).chain(RPM.iter().map(|path| (*path).to_owned())).chain(beside);
    let stamps: Vec<_> = paths.filter_map(|path| stamp(&path)).collect();
    (!stamps.is_empty()).then(|| stamps.join(" "))
}

pub async fn list() -> Option<Vec<SoftwareItem>> {
    let mut items = Vec::new();
    if has_dpkg() {
        items.extend(ask("dpkg-query", &["-W", "-f", parse::DPKG_FORMAT], parse::dpkg).await?);
    }
    if has_rpm() {
        items.extend(ask("rpm", &["-qa", "--qf", parse::RPM_FORMAT], parse::rpm).await?);
    }
    Some(items)
}

/// `None` when the tool fails: half a list would look like software that was removed.
async fn ask(
    tool: &str,
    arguments: &[&str],
    parse: fn(&str) -> Vec<SoftwareItem>,
) -> Option<Vec<SoftwareItem>> {
    match program::output(tool, arguments).await {
        Ok(text) => Some(parse(&text)),
        Err(error) => {
            tracing::warn!(tool, %error, "the installed software cannot be read");
            None
        }
    }
}
