//! Systems whose software this agent cannot list yet: it says so by having no such capability and sending nothing.

use entity::software_item::SoftwareItem;

pub const fn capabilities() -> Vec<String> {
    Vec::new()
}

pub const fn stamp() -> Option<String> {
    None
}

pub fn list() -> std::future::Ready<Option<Vec<SoftwareItem>>> {
    std::future::ready(None)
}
