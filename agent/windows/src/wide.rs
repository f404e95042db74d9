//! Text as the Windows API wants it: UTF-16 that ends with a zero.

use std::{ffi::OsStr, io, os::windows::ffi::OsStrExt as _};

/// The text with its final zero. A zero inside would cut it short and mean something else: refused.
pub fn wide(text: impl AsRef<OsStr>) -> io::Result<Vec<u16>> {
    let mut units: Vec<u16> = text.as_ref().encode_wide().collect();
    if units.contains(&0) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a text with a zero inside"));
    }
    units.push(0);
    Ok(units)
}

/// The text up to its first zero.
pub fn narrow(units: &[u16]) -> String {
    let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
    String::from_utf16_lossy(units.get(..end).unwrap_or_default())
}

/// The text at `start` up to its zero; empty for a null pointer.
///
/// # Safety
/// `start` is null or points to a text that ends with a zero and stays there during the call.
pub unsafe fn from_pointer(start: *const u16) -> String {
    if start.is_null() {
        return String::new();
    }
    let mut units = Vec::new();
    let mut at = start;
    loop {
        // SAFETY: by the caller's promise everything up to the zero may be read, and the loop ends there.
        let unit = unsafe { at.read() };
        if unit == 0 {
            return String::from_utf16_lossy(&units);
        }
        units.push(unit);
        // SAFETY: the zero has not come yet, so the next unit belongs to the same text.
        at = unsafe { at.add(1) };
    }
}
