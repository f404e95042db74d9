//! The secret of the channel: 32 random bytes, in a file of the protected directory that only its owner can read; on
//! Windows in the Credential Manager too.

use crate::paths::Paths;
use std::{fs, io};
use subtle::ConstantTimeEq as _;
use updater::durable::{Mode, write_atomic};

/// Whoever knows it may talk to the agent.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// The one that was made before; a new one where there is none that can be read.
    ///
    /// # Errors
    /// When there is no source of chance, or it cannot be kept.
    pub fn load_or_make(paths: &Paths) -> io::Result<Self> {
        let secret = match Self::find(paths) {
            Ok(Some(secret)) => secret,
            Ok(None) | Err(_) => {
                let mut bytes = [0; 32];
                getrandom::fill(&mut bytes).map_err(io::Error::other)?;
                let secret = Self(bytes);
                write_atomic(&paths.secret(), secret.text().as_bytes(), Mode::Private)?;
                tracing::info!("made a new secret for the agent's channel");
                secret
            }
        };
        #[cfg(windows)]
        manager::keep(paths, &secret.0)?;
        Ok(secret)
    }

    /// The one that was made before.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn find(paths: &Paths) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(paths.secret()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                #[cfg(windows)]
                return manager::find(paths).map(|found| found.map(Self));
                #[cfg(not(windows))]
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it does not hold a secret"))?;
        Ok(Some(Self(bytes)))
    }

    /// As it is sent.
    #[must_use]
    pub fn text(&self) -> String {
        hex::encode(self.0)
    }

    /// True when this is it; takes the same time for every wrong one.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.text().as_bytes().ct_eq(text.as_bytes()).into()
    }
}

/// The Credential Manager keeps secrets for one logon: an administrator does not see those of the system's own, and reads
/// the file instead.
#[cfg(windows)]
mod manager {
    use crate::paths::Paths;
    use std::io;
    use windows_api::{credential, identity, name};

    fn target(paths: &Paths) -> io::Result<(name::Scope, String)> {
        let scope = identity::scope()?;
        let target = name::credential(&scope, super::super::os::instance(paths).as_deref());
        Ok((scope, target))
    }

    pub(super) fn keep(paths: &Paths, secret: &[u8; 32]) -> io::Result<()> {
        let (scope, target) = target(paths)?;
        if credential::read(&target)?.as_deref() == Some(secret) {
            return Ok(());
        }
        credential::write(&scope, &target, secret)
    }

    pub(super) fn find(paths: &Paths) -> io::Result<Option<[u8; 32]>> {
        let (_, target) = target(paths)?;
        Ok(credential::read(&target)?.and_then(|secret| secret.try_into().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_again_when_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        assert!(Secret::find(&paths).unwrap().is_none());
        let secret = Secret::load_or_make(&paths).unwrap();
        assert!(Secret::load_or_make(&paths).unwrap().is(&secret.text()), "the same again");
        for wrong in ["", "x", &secret.text()[1..], &secret.text().to_uppercase(), &"0".repeat(64)] {
            assert!(!secret.is(wrong), "{wrong}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(paths.secret()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(paths.secret(), &secret.text()[..10]).unwrap();
        assert!(Secret::find(&paths).is_err());
        assert!(!Secret::load_or_make(&paths).unwrap().is(&secret.text()));
        assert!(!format!("{secret:?}").contains(&secret.text()));
    }
}
