//! Windows: what the registry lists for “Apps & features”.

use entity::software_item::SoftwareItem;
use tokio::task::spawn_blocking;

pub fn capabilities() -> Vec<String> {
    vec!["software.registry".to_owned()]
}

/// The registry keeps no moment for all of its keys: reading them is cheap enough.
pub const fn stamp() -> Option<String> {
    None
}

pub async fn list() -> Option<Vec<SoftwareItem>> {
    let installed = spawn_blocking(windows_api::software::list).await.ok()??;
    let item = |one: windows_api::software::Installed| SoftwareItem {
        software_name: one.name,
        software_version: one.version,
        vendor: one.publisher,
        architecture: None,
        source: "registry".to_owned(),
    };
    Some(installed.into_iter().map(item).collect())
}
