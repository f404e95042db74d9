//! Lists the installed software.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(any(target_os = "linux", windows)))]
mod other;
mod parse;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as os;
#[cfg(not(any(target_os = "linux", windows)))]
use other as os;
#[cfg(windows)]
use windows as os;

use entity::software_item::{SOFTWARE_MAX, SoftwareItem};

/// What this system's software can be read from, as capabilities in the hello.
#[must_use]
pub fn capabilities() -> Vec<String> {
    os::capabilities()
}

/// Changes when software was added, removed or replaced; `None` where that cannot be told cheaply.
#[must_use]
pub fn stamp() -> Option<String> {
    os::stamp()
}

/// The installed software in order; `None` when it cannot be read now.
pub async fn list() -> Option<Vec<SoftwareItem>> {
    let mut items: Vec<SoftwareItem> = os::list().await?.into_iter().map(SoftwareItem::bounded).collect();
    items.sort();
    items.dedup();
    items.truncate(SOFTWARE_MAX);
    Some(items)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machine_has_software_where_it_has_dpkg() {
        if capabilities().contains(&"software.dpkg".to_owned()) {
            let items = list().await.unwrap();
            assert!(items.iter().any(|item| item.software_name == "dpkg" && item.source == "dpkg"));
            assert!(items.is_sorted());
        }
    }
}
