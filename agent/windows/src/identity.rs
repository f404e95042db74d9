//! In whose name this process runs.

use crate::{
    handle::{done, owned, size_of},
    name::Scope,
    wide::from_pointer,
};
use std::{
    io,
    os::windows::io::{AsRawHandle as _, OwnedHandle},
    ptr::null_mut,
};
use windows_sys::Win32::{
    Foundation::LocalFree,
    Security::{
        Authorization::ConvertSidToStringSidW, GetTokenInformation, TOKEN_ELEVATION, TOKEN_QUERY, TOKEN_USER,
        TokenElevation, TokenUser,
    },
    System::Threading::{GetCurrentProcess, OpenProcessToken},
};

/// SID of the system itself, which services run as.
const SYSTEM: &str = "S-1-5-18";

/// The scope of this process: the machine's when it is elevated or the system itself.
///
/// # Errors
/// Whatever the system refuses.
pub fn scope() -> io::Result<Scope> {
    let sid = sid()?;
    Ok(if sid == SYSTEM || is_elevated()? { Scope::Machine } else { Scope::User { sid } })
}

/// True when this process has an administrator's rights now, and not only its user.
///
/// # Errors
/// Whatever the system refuses.
pub fn is_elevated() -> io::Result<bool> {
    let token = token()?;
    let mut elevation = TOKEN_ELEVATION { TokenIsElevated: 0 };
    let mut size = 0;
    // SAFETY: the token is open; the place for the answer has the size that is told.
    let answer = unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenElevation,
            (&raw mut elevation).cast(),
            size_of::<TOKEN_ELEVATION>(),
            &raw mut size,
        )
    };
    done(answer)?;
    Ok(elevation.TokenIsElevated != 0)
}

/// SID of the user of this process, such as `S-1-5-21-…-1001`.
///
/// # Errors
/// Whatever the system refuses.
pub fn sid() -> io::Result<String> {
    let token = token()?;
    // A TOKEN_USER and the longest SID behind it, aligned for pointers.
    let mut room = [0_u64; 32];
    let mut size = 0;
    // SAFETY: the token is open; the place for the answer has the size that is told.
    let answer = unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            room.as_mut_ptr().cast(),
            size_of::<[u64; 32]>(),
            &raw mut size,
        )
    };
    done(answer)?;
    // SAFETY: the call succeeded, so a TOKEN_USER stands at the start of the room, which is aligned for it.
    let user = unsafe { room.as_ptr().cast::<TOKEN_USER>().read() };
    let mut text = null_mut();
    // SAFETY: the SID points into the room, which is still there; the answer has its place.
    done(unsafe { ConvertSidToStringSidW(user.User.Sid, &raw mut text) })?;
    // SAFETY: the call succeeded, so this is a text that ends with a zero.
    let sid = unsafe { from_pointer(text) };
    // SAFETY: the text was allocated with LocalAlloc and is not used after this.
    unsafe { LocalFree(text.cast()) };
    Ok(sid)
}

fn token() -> io::Result<OwnedHandle> {
    // SAFETY: takes nothing and answers a constant.
    let process = unsafe { GetCurrentProcess() };
    let mut token = null_mut();
    // SAFETY: the process is this one; the answer has its place.
    done(unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) })?;
    // SAFETY: the call succeeded: the token is open and ours.
    unsafe { owned(token) }
}
