//! Systems other than Linux: what sysinfo lists.

use entity::metric::DiskSample;
use sysinfo::Disks;

pub fn all() -> Vec<DiskSample> {
    let Ok(disks) = Disks::new_with_refreshed_list() else { return Vec::new() };
    let mut samples: Vec<DiskSample> = disks
        .iter()
        .filter(|disk| disk.total_space() > 0 && !disk.is_removable())
        .map(|disk| DiskSample {
            mount: disk.mount_point().to_string_lossy().into_owned(),
            device: disk.name().to_string_lossy().into_owned(),
            file_system: disk.file_system().to_string_lossy().into_owned(),
            total_bytes: disk.total_space(),
            used_bytes: disk.total_space().saturating_sub(disk.available_space()),
        })
        .collect();
    // macOS lists the volumes of one container apart; the one people know stands for it.
    if cfg!(target_os = "macos") {
        samples.retain(|disk| disk.mount == "/" || !disk.mount.starts_with("/System/"));
    }
    samples
}
