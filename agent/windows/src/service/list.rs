//! All services of the machine.

use super::State;
use crate::{
    handle::{done, size_of},
    wide::from_pointer,
};
use std::{io, ptr::null};
use windows_sys::Win32::{
    Foundation::ERROR_MORE_DATA,
    System::Services::{
        CloseServiceHandle, ENUM_SERVICE_STATUS_PROCESSW, EnumServicesStatusExW, OpenSCManagerW,
        OpenServiceW, QUERY_SERVICE_CONFIGW, QueryServiceConfigW, SC_ENUM_PROCESS_INFO, SC_HANDLE,
        SC_MANAGER_CONNECT, SC_MANAGER_ENUMERATE_SERVICE, SERVICE_QUERY_CONFIG, SERVICE_STATE_ALL,
        SERVICE_STATUS_PROCESS, SERVICE_WIN32,
    },
};

/// A service, as the control manager lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name for the system.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is doing.
    pub state: State,
    /// Its process, while it runs.
    pub process: Option<u32>,
    /// Whether it starts with the machine; `None` when that may not be asked.
    pub starts_at_boot: Option<bool>,
}

struct Handle(SC_HANDLE);

impl Handle {
    fn of(handle: SC_HANDLE) -> io::Result<Self> {
        if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(handle)) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open and only this value has it.
        unsafe { CloseServiceHandle(self.0) };
    }
}

/// Every service that runs programs; drivers are none.
///
/// # Errors
/// Whatever the service control manager refuses.
pub fn list() -> io::Result<Vec<Listed>> {
    // SAFETY: null stands for this machine and its services.
    let manager = Handle::of(unsafe {
        OpenSCManagerW(null(), null(), SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE)
    })?;
    // Aligned for the structures that are written there.
    let mut room = vec![0_u64; 8 * 1024];
    let mut resume = 0;
    let mut all = Vec::new();
    loop {
        let bytes = u32::try_from(room.len().saturating_mul(8)).unwrap_or(u32::MAX);
        let (mut wanted, mut count) = (0, 0);
        // SAFETY: the manager is open; the place has the size that is told; the name of no group is null.
        let answer = done(unsafe {
            EnumServicesStatusExW(
                manager.0,
                SC_ENUM_PROCESS_INFO,
                SERVICE_WIN32,
                SERVICE_STATE_ALL,
                room.as_mut_ptr().cast(),
                bytes,
                &raw mut wanted,
                &raw mut count,
                &raw mut resume,
                null(),
            )
        });
        let more = match answer {
            Ok(()) => false,
            Err(error) if error.raw_os_error() == Some(ERROR_MORE_DATA.cast_signed()) => true,
            Err(error) => return Err(error),
        };
        let count = usize::try_from(count).unwrap_or(0);
        let start = room.as_ptr().cast::<ENUM_SERVICE_STATUS_PROCESSW>();
        // SAFETY: so many entries were written at the start of the room, which is aligned for them and stays as it is
        // until the next call.
        let entries = unsafe { std::slice::from_raw_parts(start, count) };
        all.extend(entries.iter().map(|entry| listed(&manager, entry)));
        if !more {
            return Ok(all);
        }
        if count == 0 {
            // Not even one fits.
            let wanted = usize::try_from(wanted).unwrap_or(0).div_ceil(8).max(room.len());
            if room.len() >= 64 * 1024 {
                return Err(io::Error::other("the list of services has no end"));
            }
            room = vec![0; wanted.saturating_mul(2)];
        }
    }
}

fn listed(manager: &Handle, entry: &ENUM_SERVICE_STATUS_PROCESSW) -> Listed {
    // SAFETY: the system's text, in the room of the list.
    let name = unsafe { from_pointer(entry.lpServiceName) };
    // SAFETY: likewise.
    let display_name = unsafe { from_pointer(entry.lpDisplayName) };
    let status = &entry.ServiceStatusProcess;
    Listed {
        // SAFETY: the manager is open and the name is a text with a zero, as the system wrote it.
        starts_at_boot: Handle::of(unsafe {
            OpenServiceW(manager.0, entry.lpServiceName, SERVICE_QUERY_CONFIG)
        })
        .and_then(|service| starts_at_boot(&service))
        .ok(),
        name,
        display_name,
        state: state_of(status),
        process: Some(status.dwProcessId).filter(|id| *id != 0),
    }
}

fn starts_at_boot(service: &Handle) -> io::Result<bool> {
    // The system never needs more than 8 KiB for this.
    let mut room = [0_u64; 1024];
    let mut wanted = 0;
    let place = room.as_mut_ptr().cast::<QUERY_SERVICE_CONFIGW>();
    // SAFETY: the service is open; the place has the size that is told.
    done(unsafe { QueryServiceConfigW(service.0, place, size_of::<[u64; 1024]>(), &raw mut wanted) })?;
    // SAFETY: the call succeeded, so the structure stands at the start of the room, which is aligned for it.
    let config = unsafe { room.as_ptr().cast::<QUERY_SERVICE_CONFIGW>().read() };
    // Boot, system and automatic start are 0, 1 and 2.
    Ok(config.dwStartType <= 2)
}

fn state_of(status: &SERVICE_STATUS_PROCESS) -> State {
    let code = if status.dwWin32ExitCode == ERROR_SERVICE_SPECIFIC {
        status.dwServiceSpecificExitCode
    } else {
        status.dwWin32ExitCode
    };
    match status.dwCurrentState {
        1 if code == 0 || code == super::NEVER_STARTED => State::Stopped,
        1 => State::Failed(code),
        2 => State::Starting,
        3 => State::Stopping,
        4 => State::Running,
        _ => State::Paused,
    }
}

/// Says that the service has an exit code of its own.
const ERROR_SERVICE_SPECIFIC: u32 = 1066;
