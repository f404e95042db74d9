//! Linux: the mounts that the kernel lists, measured one by one.

use super::mount::{Mount, real_ones};
use entity::metric::DiskSample;
use std::{fs, path::Path};

pub fn all() -> Vec<DiskSample> {
    let Ok(text) = fs::read("/proc/self/mountinfo") else { return Vec::new() };
    // Containers get single files mounted from the disk of their host: those are no disks.
    real_ones(&String::from_utf8_lossy(&text), |point| Path::new(point).is_dir())
        .into_iter()
        .filter_map(measure)
        .collect()
}

fn measure(mount: Mount) -> Option<DiskSample> {
    let size = rustix::fs::statvfs(mount.point.as_str()).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(size.f_frsize);
    (size.f_blocks > 0).then(|| DiskSample {
        mount: mount.point,
        device: mount.source,
        file_system: mount.file_system,
        total_bytes: bytes(size.f_blocks),
        used_bytes: bytes(size.f_blocks.saturating_sub(size.f_bfree)),
    })
}
