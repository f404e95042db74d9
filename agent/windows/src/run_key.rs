//! Autostart by the Run keys: a command for everybody who signs in, or for this user.

use crate::{
    name::Scope,
    registry::{error, present},
};
use std::io;
use windows_registry::{CURRENT_USER, Key, LOCAL_MACHINE};

const RUN: &str = r"Software\Microsoft\Windows\CurrentVersion\Run";

/// Starts this command with each sign-in: of everybody in the machine's scope, of this user otherwise.
///
/// # Errors
/// Whatever the registry refuses.
pub fn set(scope: &Scope, name: &str, command: &str) -> io::Result<()> {
    root(scope).create(RUN).and_then(|key| key.set_string(name, command)).map_err(error)
}

/// The command, when there is one.
///
/// # Errors
/// Whatever the registry refuses.
pub fn get(scope: &Scope, name: &str) -> io::Result<Option<String>> {
    present(root(scope).open(RUN).and_then(|key| key.get_string(name)).map_err(error))
}

/// Removes the command. False: there was none.
///
/// # Errors
/// Whatever the registry refuses.
pub fn remove(scope: &Scope, name: &str) -> io::Result<bool> {
    let key = root(scope).options().read().write().open(RUN);
    let removed = key.and_then(|key| key.remove_value(name)).map_err(error);
    present(removed).map(|removed| removed.is_some())
}

fn root(scope: &Scope) -> &'static Key {
    match scope {
        Scope::Machine => LOCAL_MACHINE,
        Scope::User { .. } => CURRENT_USER,
    }
}
