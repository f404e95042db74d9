//! The installed software, as the registry lists it for “Apps & features”.

use windows_registry::{CURRENT_USER, Key, LOCAL_MACHINE};

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its key: for MSI packages their product code.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Version, as its maker writes it; may be empty.
    pub version: String,
    /// Who made it.
    pub publisher: Option<String>,
}

const UNINSTALL: &str = r"Software\Microsoft\Windows\CurrentVersion\Uninstall";
/// Where Windows keeps what 32-bit installers write.
const UNINSTALL_32: &str = r"Software\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall";

/// The entries for the machine, 64 and 32 bit, and for this user. `None` when the machine's cannot be read.
#[must_use]
pub fn list() -> Option<Vec<Installed>> {
    let mut all = Vec::new();
    read(&LOCAL_MACHINE.open(UNINSTALL).ok()?, &mut all);
    // There is none before the first 32-bit program.
    if let Ok(key) = LOCAL_MACHINE.open(UNINSTALL_32) {
        read(&key, &mut all);
    }
    if let Ok(key) = CURRENT_USER.open(UNINSTALL) {
        read(&key, &mut all);
    }
    Some(all)
}

fn read(key: &Key, all: &mut Vec<Installed>) {
    let Ok(names) = key.keys() else { return };
    all.extend(names.filter_map(|name| entry(key, name)));
}

/// What belongs to the system or to another entry is in the registry but in nobody's list.
fn entry(key: &Key, name: String) -> Option<Installed> {
    let entry = key.open(&name).ok()?;
    let is_part = entry.get_u32("SystemComponent").is_ok_and(|flag| flag == 1)
        || entry.get_string("ParentKeyName").is_ok_and(|parent| !parent.is_empty());
    let text = |value: &str| entry.get_string(value).ok().filter(|text| !text.trim().is_empty());
    let display = text("DisplayName").filter(|_| !is_part)?;
    Some(Installed {
        name: display,
        version: text("DisplayVersion").unwrap_or_default(),
        publisher: text("Publisher"),
        key: name,
    })
}
