//! Values below `HKEY_LOCAL_MACHINE`.

use crate::{sddl, security::Descriptor};
use std::io;
use windows_registry::LOCAL_MACHINE;

/// A text; `None` when there is no such value or key.
///
/// # Errors
/// Whatever the registry refuses, such as a value of another kind.
pub fn text(path: &str, name: &str) -> io::Result<Option<String>> {
    present(LOCAL_MACHINE.open(path).and_then(|key| key.get_string(name)).map_err(error))
}

/// Writes a text, and makes its key where there is none.
///
/// # Errors
/// Whatever the registry refuses.
pub fn set_text(path: &str, name: &str, text: &str) -> io::Result<()> {
    LOCAL_MACHINE.create(path).and_then(|key| key.set_string(name, text)).map_err(error)
}

/// Leaves a key to SYSTEM and the administrators alone, with all that is below it: everybody may read the others.
///
/// # Errors
/// Whatever the registry refuses.
pub fn protect(path: &str) -> io::Result<()> {
    Descriptor::from_sddl(sddl::KEY)?.give_to_key(path)
}

/// Removes a value. False: there was none.
///
/// # Errors
/// Whatever the registry refuses.
pub fn remove(path: &str, name: &str) -> io::Result<bool> {
    let key = LOCAL_MACHINE.options().read().write().open(path);
    let removed = key.and_then(|key| key.remove_value(name)).map_err(error);
    present(removed).map(|removed| removed.is_some())
}

/// What is not there is an answer, not an error.
pub(crate) fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The registry's error with its Windows code, so that its kind is known.
pub(crate) fn error(error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    // An HRESULT carries the code in its lower half.
    error.raw_os_error().map_or(error, |code| io::Error::from_raw_os_error(code & 0xFFFF))
}
