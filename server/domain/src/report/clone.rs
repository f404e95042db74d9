//! One identity on two machines: a disk image that was copied after its registration. A machine never goes back to a
//! boot that it has left, so a boot that comes back after another one is a second machine's.

use entity::table::device;

/// Boots that are remembered; a machine and its copy take turns long before.
const REMEMBERED: usize = 16;

/// What a boot means for what is remembered of a device.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Boots {
    /// The boots that were left, newest last, as they are to be stored.
    pub(super) former: String,
    /// True when this boot had been left before.
    pub(super) came_back: bool,
}

/// Compares the boot of a hello with those before.
pub(super) fn boots(row: &device::Model, boot_id: Option<&str>) -> Boots {
    let mut former: Vec<String> = serde_json::from_str(&row.former_boot_ids).unwrap_or_default();
    let (Some(now), Some(last)) = (boot_id, row.boot_id.as_deref()) else {
        return Boots { former: row.former_boot_ids.clone(), came_back: false };
    };
    let came_back = now != last && former.iter().any(|boot| boot == now);
    if now != last {
        former.retain(|boot| boot != last && boot != now);
        former.push(last.to_owned());
        former.drain(..former.len().saturating_sub(REMEMBERED));
    }
    Boots { former: serde_json::json!(former).to_string(), came_back }
}
