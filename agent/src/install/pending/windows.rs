//! What the MSI leaves in the registry: `SERVER=` and `TOKEN=` of its command line.

use super::Pending;
use crate::failure::Failure;
use std::io;
use windows_registry::LOCAL_MACHINE;

/// Below `HKEY_LOCAL_MACHINE`.
pub(in crate::install) const KEY: &str = r"Software\Reeve";

/// What was asked for, if anything was.
///
/// # Errors
/// When there is a token, but no server.
pub(super) fn find() -> Result<Option<Pending>, Failure> {
    // A value that is not there asks for nothing.
    let value = |name: &str| {
        let key = LOCAL_MACHINE.open(KEY).ok()?;
        key.get_string(name).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let Some(token) = value("Token") else { return Ok(None) };
    let server = value("Server").ok_or_else(|| {
        Failure::new(updater::exit::USAGE, format!(r"HKEY_LOCAL_MACHINE\{KEY}: Server is missing"))
    })?;
    Ok(Some(Pending { server, token, ca_file: value("CaFile").map(Into::into) }))
}

/// Removes the token; the server's address may stay.
///
/// # Errors
/// Whatever the registry refuses.
pub(super) fn forget() -> io::Result<()> {
    let key = LOCAL_MACHINE.options().read().write().open(KEY).map_err(error)?;
    key.remove_value("Token").map_err(error)
}

/// The registry's error with its Windows code, so that its kind is known.
fn error(error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    // An HRESULT carries the code in its lower half.
    error.raw_os_error().map_or(error, |code| io::Error::from_raw_os_error(code & 0xFFFF))
}
