//! Secrets in the Credential Manager, which keeps them encrypted for the account that wrote them.

use crate::{handle::done, name::Scope, wide::wide};
use std::{
    io,
    ptr::{null, null_mut},
};
use windows_sys::Win32::{
    Foundation::{ERROR_NOT_FOUND, FILETIME},
    Security::Credentials::{
        CRED_PERSIST_ENTERPRISE, CRED_PERSIST_LOCAL_MACHINE, CRED_TYPE_GENERIC, CREDENTIALW, CredDeleteW,
        CredFree, CredReadW, CredWriteW,
    },
};

/// Most bytes of a secret: the system takes 2560.
const SECRET_BYTES_MAX: usize = 2048;

/// Writes a secret, over one that is there. A machine's stays on this machine; a user's goes where the user's profile
/// goes.
///
/// # Errors
/// Whatever the system refuses; `InvalidInput` for a secret that is too long.
pub fn write(scope: &Scope, target: &str, secret: &[u8]) -> io::Result<()> {
    let size = u32::try_from(secret.len())
        .ok()
        .filter(|_| secret.len() <= SECRET_BYTES_MAX)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the secret is too long"))?;
    let mut target = wide(target)?;
    let mut user = wide("reeve-agent")?;
    let mut blob = secret.to_vec();
    let credential = CREDENTIALW {
        Flags: 0,
        Type: CRED_TYPE_GENERIC,
        TargetName: target.as_mut_ptr(),
        Comment: null_mut(),
        LastWritten: FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 },
        CredentialBlobSize: size,
        CredentialBlob: blob.as_mut_ptr(),
        Persist: match scope {
            Scope::Machine => CRED_PERSIST_LOCAL_MACHINE,
            Scope::User { .. } => CRED_PERSIST_ENTERPRISE,
        },
        AttributeCount: 0,
        Attributes: null_mut(),
        TargetAlias: null_mut(),
        UserName: user.as_mut_ptr(),
    };
    // SAFETY: every pointer is null or points to something that lives until after the call, texts end with a zero,
    // and the size is that of the blob.
    let written = done(unsafe { CredWriteW(&raw const credential, 0) });
    blob.fill(0);
    written
}

/// Reads a secret; `None` when there is none.
///
/// # Errors
/// Whatever the system refuses.
pub fn read(target: &str) -> io::Result<Option<Vec<u8>>> {
    let target = wide(target)?;
    let mut found: *mut CREDENTIALW = null_mut();
    // SAFETY: the text ends with a zero, and the answer has its place.
    let answer = unsafe { CredReadW(target.as_ptr(), CRED_TYPE_GENERIC, 0, &raw mut found) };
    match done(answer) {
        Err(error) if is_missing(&error) => return Ok(None),
        other => other?,
    }
    // SAFETY: the call succeeded, so `found` points to a credential until it is freed below.
    let credential = unsafe { found.read() };
    let size = usize::try_from(credential.CredentialBlobSize).unwrap_or(0);
    let secret = if credential.CredentialBlob == null::<u8>().cast_mut() || size == 0 {
        Vec::new()
    } else {
        // SAFETY: the system says that so many bytes are there; they are copied before the credential is freed.
        unsafe { std::slice::from_raw_parts(credential.CredentialBlob, size) }.to_vec()
    };
    // SAFETY: the credential was allocated by the call above and is not used after this.
    unsafe { CredFree(found.cast()) };
    Ok(Some(secret))
}

/// Deletes a secret. False: there was none.
///
/// # Errors
/// Whatever the system refuses.
pub fn delete(target: &str) -> io::Result<bool> {
    let target = wide(target)?;
    // SAFETY: the text ends with a zero.
    match done(unsafe { CredDeleteW(target.as_ptr(), CRED_TYPE_GENERIC, 0) }) {
        Ok(()) => Ok(true),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &io::Error) -> bool {
    error.raw_os_error() == Some(ERROR_NOT_FOUND.cast_signed())
}
