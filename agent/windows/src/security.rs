//! Security descriptors: made of text, read back as text.

use crate::{
    ace::Findings,
    handle::{code, done, size_of},
    identity, machine,
    wide::{from_pointer, wide},
};
use std::{
    io,
    path::Path,
    ptr::{null, null_mut},
};
use windows_sys::Win32::{
    Foundation::LocalFree,
    Security::{
        ACL,
        Authorization::{
            ConvertSecurityDescriptorToStringSecurityDescriptorW,
            ConvertStringSecurityDescriptorToSecurityDescriptorW, GetNamedSecurityInfoW, SDDL_REVISION_1,
            SE_FILE_OBJECT, SE_OBJECT_TYPE, SE_REGISTRY_KEY, SetNamedSecurityInfoW,
        },
        DACL_SECURITY_INFORMATION, GetSecurityDescriptorDacl, GetSecurityDescriptorOwner,
        OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
        SECURITY_ATTRIBUTES,
    },
};

/// What is told of a descriptor.
pub const TOLD: u32 = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;

/// A security descriptor that the system allocated for us.
#[derive(Debug)]
pub struct Descriptor(pub(crate) PSECURITY_DESCRIPTOR);

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: the calls that made it allocate with LocalAlloc, and nobody else frees it.
        unsafe { LocalFree(self.0) };
    }
}

impl Descriptor {
    pub fn from_sddl(sddl: &str) -> io::Result<Self> {
        let text = wide(sddl)?;
        let mut descriptor = null_mut();
        // SAFETY: the text ends with a zero; the descriptor is written to the place given.
        let answer = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                null_mut(),
            )
        };
        done(answer)?;
        Ok(Self(descriptor))
    }

    /// That of a file or folder.
    pub fn of_path(path: &Path) -> io::Result<Self> {
        let text = wide(path)?;
        let mut descriptor = null_mut();
        // SAFETY: the text ends with a zero; parts that are not wanted are null, as the call allows.
        let answer = unsafe {
            GetNamedSecurityInfoW(
                text.as_ptr(),
                SE_FILE_OBJECT,
                TOLD,
                null_mut(),
                null_mut(),
                null_mut(),
                null_mut(),
                &raw mut descriptor,
            )
        };
        code(answer)?;
        Ok(Self(descriptor))
    }

    pub fn to_sddl(&self) -> io::Result<String> {
        let mut text = null_mut();
        // SAFETY: the descriptor is one, as this type holds; the text is written to the place given.
        let answer = unsafe {
            ConvertSecurityDescriptorToStringSecurityDescriptorW(
                self.0,
                SDDL_REVISION_1,
                TOLD,
                &raw mut text,
                null_mut(),
            )
        };
        done(answer)?;
        // SAFETY: the call succeeded, so this is a text that ends with a zero.
        let sddl = unsafe { from_pointer(text) };
        // SAFETY: the text was allocated with LocalAlloc and is not used after this.
        unsafe { LocalFree(text.cast()) };
        Ok(sddl)
    }

    /// To be handed to a call that creates something; must not outlive the descriptor.
    pub fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>(),
            lpSecurityDescriptor: self.0,
            bInheritHandle: 0,
        }
    }

    fn list(&self) -> io::Result<*mut ACL> {
        let (mut present, mut list, mut defaulted) = (0, null_mut(), 0);
        // SAFETY: the descriptor is one, and each answer has its place.
        let answer =
            unsafe { GetSecurityDescriptorDacl(self.0, &raw mut present, &raw mut list, &raw mut defaulted) };
        done(answer)?;
        // A missing list would be taken for one that allows everybody everything.
        if present == 0 || list.is_null() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a descriptor without an access list"));
        }
        Ok(list)
    }

    fn owner(&self) -> io::Result<PSID> {
        let (mut owner, mut defaulted) = (null_mut(), 0);
        // SAFETY: the descriptor is one, and each answer has its place.
        done(unsafe { GetSecurityDescriptorOwner(self.0, &raw mut owner, &raw mut defaulted) })?;
        Ok(owner)
    }

    /// Gives this access list, cut off from what lies above, and the owner if there is one, to a file or folder.
    pub fn give_to(&self, path: &Path) -> io::Result<()> {
        self.give(&wide(path)?, SE_FILE_OBJECT)
    }

    /// The same for a key below `HKEY_LOCAL_MACHINE`.
    pub fn give_to_key(&self, path: &str) -> io::Result<()> {
        self.give(&wide(format!(r"MACHINE\{path}"))?, SE_REGISTRY_KEY)
    }

    /// `text` ends with a zero and names something of this kind.
    fn give(&self, text: &[u16], kind: SE_OBJECT_TYPE) -> io::Result<()> {
        let (list, owner) = (self.list()?, self.owner()?);
        let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
        // SAFETY: the text ends with a zero; the list lives in this descriptor, which lives through the call.
        let answer =
            unsafe { SetNamedSecurityInfoW(text.as_ptr(), kind, what, null_mut(), null_mut(), list, null()) };
        code(answer)?;
        if owner.is_null() {
            return Ok(());
        }
        let what = OWNER_SECURITY_INFORMATION;
        // SAFETY: the text ends with a zero; the owner lives in this descriptor, which lives through the call.
        let answer =
            unsafe { SetNamedSecurityInfoW(text.as_ptr(), kind, what, owner, null_mut(), null(), null()) };
        code(answer)
    }
}

/// Under Wine everything belongs to the one account of its machine, or to its group, and Unix modes stand for lists: these
/// are no strangers there.
pub fn judged(findings: Findings) -> io::Result<Findings> {
    if machine::is_wine() { Ok(findings.without_those_like(&identity::sid()?)) } else { Ok(findings) }
}
