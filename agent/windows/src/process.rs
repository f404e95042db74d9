//! Other processes: whether one lives, since when, and ending it.

use crate::handle::{done, owned};
use std::{
    io,
    os::windows::io::{AsRawHandle as _, OwnedHandle},
    time::{Duration, SystemTime},
};
use windows_sys::Win32::{
    Foundation::{ERROR_INVALID_PARAMETER, FILETIME, WAIT_OBJECT_0, WAIT_TIMEOUT},
    System::Threading::{
        GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE,
        PROCESS_TERMINATE, TerminateProcess, WaitForSingleObject,
    },
};

/// Hundreds of nanoseconds from 1601 to 1970.
const EPOCH: u64 = 116_444_736_000_000_000;

/// When the process with this id began; `None` when none runs. Together with the id it names one process: ids are
/// used again.
///
/// # Errors
/// Whatever the system refuses, such as looking at a process of somebody else's.
pub fn running_since(id: u32) -> io::Result<Option<SystemTime>> {
    let Some(process) = open(id, PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE)? else {
        return Ok(None);
    };
    // One that has ended stays openable for as long as somebody holds a handle of it.
    if wait(&process, Duration::ZERO)? {
        return Ok(None);
    }
    let mut times = [FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 }; 4];
    let [began, ended, kernel, user] = &mut times;
    // SAFETY: the handle is open, and each answer has its place.
    done(unsafe { GetProcessTimes(process.as_raw_handle(), began, ended, kernel, user) })?;
    Ok(Some(moment(*began)))
}

/// Waits for a process to end. True: it has, or there is none.
///
/// # Errors
/// Whatever the system refuses.
pub fn wait_for_end(id: u32, longest: Duration) -> io::Result<bool> {
    match open(id, PROCESS_SYNCHRONIZE)? {
        Some(process) => wait(&process, longest),
        None => Ok(true),
    }
}

/// Ends a process at once. False: there was none.
///
/// # Errors
/// Whatever the system refuses.
pub fn end(id: u32) -> io::Result<bool> {
    let Some(process) = open(id, PROCESS_TERMINATE | PROCESS_SYNCHRONIZE)? else { return Ok(false) };
    if wait(&process, Duration::ZERO)? {
        return Ok(false);
    }
    // SAFETY: the handle is open and allows this.
    done(unsafe { TerminateProcess(process.as_raw_handle(), 1) })?;
    Ok(true)
}

fn open(id: u32, rights: u32) -> io::Result<Option<OwnedHandle>> {
    // SAFETY: takes numbers alone.
    let handle = unsafe { OpenProcess(rights, 0, id) };
    // SAFETY: null, or open and ours.
    match unsafe { owned(handle) } {
        Ok(process) => Ok(Some(process)),
        Err(error) if error.raw_os_error() == Some(ERROR_INVALID_PARAMETER.cast_signed()) => Ok(None),
        Err(error) => Err(error),
    }
}

fn wait(process: &OwnedHandle, longest: Duration) -> io::Result<bool> {
    // The largest number would mean for ever.
    let milliseconds = u32::try_from(longest.as_millis()).unwrap_or(u32::MAX).min(u32::MAX - 1);
    // SAFETY: the handle is open while it is borrowed.
    match unsafe { WaitForSingleObject(process.as_raw_handle(), milliseconds) } {
        WAIT_OBJECT_0 => Ok(true),
        WAIT_TIMEOUT => Ok(false),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A moment as the system counts it: hundreds of nanoseconds since 1601.
fn moment(time: FILETIME) -> SystemTime {
    let count = ticks(time).saturating_sub(EPOCH);
    let since = Duration::from_secs(count / 10_000_000)
        .saturating_add(Duration::from_nanos((count % 10_000_000).saturating_mul(100)));
    SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Both halves of a time as one number.
pub(crate) fn ticks(time: FILETIME) -> u64 {
    (u64::from(time.dwHighDateTime) << 32) | u64::from(time.dwLowDateTime)
}
