//! Folders that only some may enter.

use crate::{
    ace::{self, Findings},
    handle::done,
    name::Scope,
    security::{Descriptor, judged},
    wide::wide,
};
use std::{io, path::Path};
use windows_sys::Win32::Storage::FileSystem::CreateDirectoryW;

/// Makes a folder with this descriptor (SDDL) from its first moment; folders above are made as usual.
///
/// # Errors
/// Whatever the system refuses; `AlreadyExists` when there is one, which then keeps its own descriptor.
pub fn create(folder: &Path, sddl: &str) -> io::Result<()> {
    if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        std::fs::create_dir_all(above)?;
    }
    let descriptor = Descriptor::from_sddl(sddl)?;
    let name = wide(folder)?;
    let attributes = descriptor.attributes();
    // SAFETY: the name ends with a zero; the attributes point to a descriptor that lives through the call.
    done(unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) })
}

/// Gives a file or folder this owner and access list (SDDL), and cuts it off from the folder above.
///
/// # Errors
/// Whatever the system refuses.
pub fn protect(path: &Path, sddl: &str) -> io::Result<()> {
    Descriptor::from_sddl(sddl)?.give_to(path)
}

/// What is wrong with owner and access list of a file or folder in this scope.
///
/// # Errors
/// Whatever the system refuses.
pub fn check(path: &Path, scope: &Scope) -> io::Result<Findings> {
    judged(ace::check(&sddl(path)?, scope))
}

/// Owner and access list of a file or folder (SDDL).
///
/// # Errors
/// Whatever the system refuses.
pub fn sddl(path: &Path) -> io::Result<String> {
    Descriptor::of_path(path)?.to_sddl()
}
