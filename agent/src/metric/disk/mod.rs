//! The local disks: every real one once, nothing that is made of memory or lies elsewhere.

#[cfg(target_os = "linux")]
mod linux;
mod mount;
#[cfg(not(any(target_os = "linux", windows)))]
mod other;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as os;
#[cfg(not(any(target_os = "linux", windows)))]
use other as os;
#[cfg(windows)]
use windows as os;

use entity::metric::DiskSample;

/// Every local disk, by where it is mounted.
#[must_use]
pub fn all() -> Vec<DiskSample> {
    let mut disks = os::all();
    disks.sort_by(|a, b| a.mount.cmp(&b.mount));
    disks
}
