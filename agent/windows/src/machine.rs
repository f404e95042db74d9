//! What the registry and the firmware say about the machine and its Windows.

use crate::{
    registry,
    smbios::{self, Board},
    wide::{from_pointer, wide},
};
use std::{io, path::PathBuf, ptr::null_mut};
use windows_registry::LOCAL_MACHINE;
use windows_sys::Win32::{
    System::{
        Com::CoTaskMemFree,
        LibraryLoader::{GetModuleHandleW, GetProcAddress},
        SystemInformation::{GetSystemFirmwareTable, RSMB},
    },
    UI::Shell::{FOLDERID_ProgramData, KF_FLAG_DEFAULT, SHGetKnownFolderPath},
};

/// What is known; absent where the registry does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Such as `Windows 11 Pro`.
    pub product: Option<String>,
    /// Such as `24H2`.
    pub release: Option<String>,
    /// Such as `26100.2314`.
    pub build: Option<String>,
    /// Model of the processor.
    pub processor: Option<String>,
}

/// Looks.
#[must_use]
pub fn look() -> Machine {
    const WINDOWS: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
    let text = |name: &str| {
        let text = registry::text(WINDOWS, name).ok()??;
        (!text.trim().is_empty()).then(|| text.trim().to_owned())
    };
    let revision = LOCAL_MACHINE.open(WINDOWS).and_then(|key| key.get_u32("UBR")).ok();
    let build = text("CurrentBuildNumber").map(|build| match revision {
        Some(revision) => format!("{build}.{revision}"),
        None => build,
    });
    let processor = registry::text(r"HARDWARE\DESCRIPTION\System\CentralProcessor\0", "ProcessorNameString");
    Machine {
        product: text("ProductName").map(|name| product(name, build.as_deref())),
        release: text("DisplayVersion").or_else(|| text("ReleaseId")),
        build,
        processor: processor.ok().flatten().map(|name| name.trim().to_owned()),
    }
}

/// Where programs keep data of the whole machine, usually `C:\ProgramData`, whatever the environment says.
///
/// # Errors
/// Whatever the system refuses.
pub fn program_data() -> io::Result<PathBuf> {
    let mut text = null_mut();
    // SAFETY: the id is a constant of the system's; the answer has its place; a null token means this process.
    let answer = unsafe {
        SHGetKnownFolderPath(&FOLDERID_ProgramData, KF_FLAG_DEFAULT as u32, null_mut(), &raw mut text)
    };
    // SAFETY: the text is null, or the call succeeded and made one that ends with a zero.
    let path = unsafe { from_pointer(text) };
    // SAFETY: what the call made is the caller's to free, also after it failed; nobody else has it.
    unsafe { CoTaskMemFree(text.cast_const().cast()) };
    if answer < 0 { Err(io::Error::from_raw_os_error(answer)) } else { Ok(PathBuf::from(path)) }
}

/// Windows 11 still calls itself 10 in the registry; its builds begin at 22000.
fn product(name: String, build: Option<&str>) -> String {
    let build = build.and_then(|build| build.split('.').next()?.parse::<u32>().ok());
    if build.is_some_and(|build| build >= 22_000) && !name.contains("Server") {
        return name.replace("Windows 10", "Windows 11");
    }
    name
}

/// What the firmware says.
#[must_use]
pub fn board() -> Board {
    // SAFETY: without room the call only tells how much is needed.
    let size = unsafe { GetSystemFirmwareTable(RSMB, 0, null_mut(), 0) };
    // The tables of today have some kilobytes.
    let mut room = vec![0_u8; usize::try_from(size).unwrap_or(0).min(1024 * 1024)];
    let size = u32::try_from(room.len()).unwrap_or(0);
    // SAFETY: the room has the size that is told.
    let written = unsafe { GetSystemFirmwareTable(RSMB, 0, room.as_mut_ptr(), size) };
    room.truncate(usize::try_from(written).unwrap_or(0));
    smbios::read(&room)
}

/// Where the text of this boot is kept: Windows forgets a volatile key when it ends.
const BOOT: &str = r"Software\Reeve\Boot";

/// A text that stays the same until the machine starts anew: `proposed`, unless there is one already. Windows itself has
/// none that does not drift with the clock.
///
/// # Errors
/// Whatever the registry refuses, as it does those who are no administrators.
pub fn boot_text(proposed: &str) -> io::Result<String> {
    let key = LOCAL_MACHINE.options().read().write().create().volatile().open(BOOT);
    let key = key.map_err(registry::error)?;
    if let Some(present) = registry::present(key.get_string("Id").map_err(registry::error))? {
        return Ok(present);
    }
    key.set_string("Id", proposed).map_err(registry::error)?;
    key.get_string("Id").map_err(registry::error)
}

/// True under Wine, which keeps rights as Unix modes and has no lists of its own.
#[must_use]
pub fn is_wine() -> bool {
    let Ok(library) = wide("ntdll.dll") else { return false };
    // SAFETY: the name ends with a zero; every process has this library.
    let library = unsafe { GetModuleHandleW(library.as_ptr()) };
    if library.is_null() {
        return false;
    }
    // SAFETY: the library is loaded and stays so; the name ends with a zero. The function is looked for, not called.
    unsafe { GetProcAddress(library, c"wine_get_version".as_ptr().cast()) }.is_some()
}
