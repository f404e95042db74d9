//! The local drives, and how much room there is.

use crate::{
    handle::done,
    wide::{narrow, wide},
};
use std::{io, path::Path, ptr::null_mut};
use windows_sys::Win32::Storage::FileSystem::{
    GetDiskFreeSpaceExW, GetDriveTypeW, GetLogicalDrives, GetVolumeInformationW,
};

/// A drive that is built in (`DRIVE_FIXED`).
const FIXED: u32 = 3;

/// Room on a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// All of it, in bytes.
    pub total: u64,
    /// Free, in bytes.
    pub free: u64,
    /// Free for this account, in bytes: quotas may leave it less.
    pub usable: u64,
}

/// A drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    /// Where it is, such as `C:\`.
    pub root: String,
    /// The name somebody gave it; often empty.
    pub label: String,
    /// Such as `NTFS`.
    pub file_system: String,
    /// Its room.
    pub room: Room,
}

/// Room on the drive that holds this folder, which has to exist.
///
/// # Errors
/// Whatever the system refuses.
pub fn room(folder: &Path) -> io::Result<Room> {
    let name = wide(folder)?;
    let mut room = Room { total: 0, free: 0, usable: 0 };
    // SAFETY: the name ends with a zero, and each answer has its place.
    let answer = unsafe {
        GetDiskFreeSpaceExW(name.as_ptr(), &raw mut room.usable, &raw mut room.total, &raw mut room.free)
    };
    done(answer)?;
    Ok(room)
}

/// The drives that are built in and can be read now.
#[must_use]
pub fn drives() -> Vec<Drive> {
    // SAFETY: takes nothing; one bit for each letter.
    let letters = unsafe { GetLogicalDrives() };
    (0..26_u8)
        .filter(|number| letters & (1 << number) != 0)
        .filter_map(|number| drive(&format!(r"{}:\", char::from(b'A' + number))))
        .collect()
}

fn drive(root: &str) -> Option<Drive> {
    let name = wide(root).ok()?;
    // SAFETY: the name ends with a zero.
    if unsafe { GetDriveTypeW(name.as_ptr()) } != FIXED {
        return None;
    }
    let room = room(Path::new(root)).ok().filter(|room| room.total > 0)?;
    let (mut label, mut file_system) = ([0_u16; 261], [0_u16; 261]);
    // SAFETY: the name ends with a zero; both places have the sizes that are told; what is not wanted is null.
    let answer = unsafe {
        GetVolumeInformationW(
            name.as_ptr(),
            label.as_mut_ptr(),
            261,
            null_mut(),
            null_mut(),
            null_mut(),
            file_system.as_mut_ptr(),
            261,
        )
    };
    let known = done(answer).is_ok();
    let text = |units: &[u16]| if known { narrow(units) } else { String::new() };
    Some(Drive { root: root.to_owned(), label: text(&label), file_system: text(&file_system), room })
}
