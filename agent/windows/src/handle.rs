//! What the API's calls answer, as results: true or an error, a handle or an error.

use std::{
    io,
    os::windows::io::{FromRawHandle as _, OwnedHandle},
};
use windows_sys::{Win32::Foundation::HANDLE, core::BOOL};

/// The last error of this thread unless the call succeeded.
pub fn done(answer: BOOL) -> io::Result<()> {
    if answer == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Takes over the handle that a call made, unless it made none (null).
///
/// # Safety
/// A handle that is not null is open and belongs to nobody else; closing it with `CloseHandle` is right.
pub unsafe fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: open and nobody else's, by the caller's promise.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// The error of a call that answers with its code.
pub fn code(answer: u32) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(answer.cast_signed())) }
}

/// Size of a structure as the API wants it.
pub fn size_of<T>() -> u32 {
    u32::try_from(std::mem::size_of::<T>()).unwrap_or(u32::MAX)
}
