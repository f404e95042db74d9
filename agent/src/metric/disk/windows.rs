//! Windows: the drives that are built in.

use entity::metric::DiskSample;
use windows_api::disk;

pub fn all() -> Vec<DiskSample> {
    let sample = |drive: disk::Drive| DiskSample {
        mount: drive.root,
        device: drive.label,
        file_system: drive.file_system,
        total_bytes: drive.room.total,
        used_bytes: drive.room.total.saturating_sub(drive.room.free),
    };
    disk::drives().into_iter().map(sample).collect()
}
