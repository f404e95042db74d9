//! A registration that was asked for when the agent was installed, by a package or in advance, and is carried out at
//! the agent's first start. The token is gone from the machine afterwards.

#[cfg(windows)]
mod windows;

use crate::{
    arguments::RegisterInput,
    failure::Failure,
    paths::{Context, Paths},
    register::register,
    registration::Registration,
};
use std::{fmt, path::PathBuf};
use updater::exit;

/// What was asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Pending {
    /// Address of the server.
    pub server: String,
    /// The registration token.
    pub token: String,
    /// Certificates to trust besides those of the system.
    pub ca_file: Option<PathBuf>,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("server", &self.server).finish_non_exhaustive()
    }
}

#[cfg(windows)]
pub(in crate::install) use windows::KEY;

/// Where such a request lies: a file of root's, or the registry of Windows.
#[derive(Clone, Debug)]
pub enum Source {
    /// This file.
    File(PathBuf),
    /// `HKEY_LOCAL_MACHINE\Software\Reeve`.
    #[cfg(windows)]
    Registry,
}

impl Source {
    /// Where installers put it.
    #[must_use]
    pub fn usual() -> Self {
        #[cfg(windows)]
        return Self::Registry;
        #[cfg(not(windows))]
        Self::File(PathBuf::from("/etc/reeve/registration.conf"))
    }

    /// What was asked for, if anything was.
    ///
    /// # Errors
    /// Names the line that is not understood.
    pub fn find(&self) -> Result<Option<Pending>, Failure> {
        let text = match self {
            Self::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(Failure::failed(format!("{}: {error}", path.display()))),
            },
            #[cfg(windows)]
            Self::Registry => return windows::find(),
        };
        parse(&text).map_err(|why| Failure::new(exit::USAGE, format!("{self}: {why}")))
    }

    /// Takes the token away: it was used, or is of no use.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn forget(&self) -> Result<(), Failure> {
        let removed = match self {
            Self::File(path) => std::fs::remove_file(path),
            #[cfg(windows)]
            Self::Registry => windows::forget(),
        };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::failed(format!("{self} still holds the registration token: {error}")))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            #[cfg(windows)]
            Self::Registry => write!(f, r"HKEY_LOCAL_MACHINE\{}", windows::KEY),
        }
    }
}

/// True when a registration waits for the agent's first start.
#[must_use]
pub fn is_there() -> bool {
    Source::usual().find().is_ok_and(|pending| pending.is_some())
}

/// Registers this machine when that was asked for at installation. Only the agent of the machine does: others have
/// data directories of their own and no business with it.
///
/// # Errors
/// As registration fails; a refused token is forgotten, so that the server is not asked again and again.
pub async fn settle(paths: &Paths) -> Result<(), Failure> {
    if Context::current() == Context::Machine && paths.folder() == Paths::usual().folder() {
        settle_from(paths, &Source::usual()).await
    } else {
        Ok(())
    }
}

/// The same, asked for in a place of choice.
///
/// # Errors
/// As for [`settle`].
pub async fn settle_from(paths: &Paths, source: &Source) -> Result<(), Failure> {
    let Some(pending) = source.find()? else { return Ok(()) };
    if Registration::find(paths)?.is_some() {
        tracing::info!(%source, "this machine is registered already; the token that waited is forgotten");
        return source.forget();
    }
    tracing::info!(%source, server = pending.server, "registering this machine, as was asked at installation");
    let input = RegisterInput {
        server: pending.server,
        token: Some(pending.token),
        token_file: None,
        ca_file: pending.ca_file,
        replace: false,
    };
    match register(paths, &input).await {
        Ok(registration) => {
            tracing::info!(device.id = %registration.device_id, "this machine is registered");
            source.forget()
        }
        Err(refused) if refused.code == exit::TOKEN_REFUSED => {
            tracing::error!(%source, %refused, "the registration token was refused and is forgotten");
            source.forget()?;
            Err(refused)
        }
        Err(error) => Err(error),
    }
}

/// Reads lines such as `SERVER=https://reeve.example`; empty lines and `#` are passed over. Without a token nothing
/// is asked for.
fn parse(text: &str) -> Result<Option<Pending>, String> {
    let (mut server, mut token, mut ca_file) = (String::new(), String::new(), None);
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // Without the line itself: it may hold the token.
        let (name, value) = line.split_once('=').ok_or_else(|| format!("line {number} is not NAME=VALUE"))?;
        let value = value.trim().trim_matches(['"', '\'']);
        match name.trim() {
            "SERVER" => value.clone_into(&mut server),
            "TOKEN" => value.clone_into(&mut token),
            "CA_FILE" => ca_file = Some(PathBuf::from(value)).filter(|path| !path.as_os_str().is_empty()),
            _ => return Err(format!("line {number} names neither SERVER, TOKEN nor CA_FILE")),
        }
    }
    if token.is_empty() {
        return Ok(None);
    }
    if server.is_empty() {
        return Err("SERVER is missing".to_owned());
    }
    Ok(Some(Pending { server, token, ca_file }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_or_refused_without_repeating_the_token() {
        let good =
            parse("# by hand\nSERVER=https://reeve.example\n TOKEN = \"AGT-1\"\n\nCA_FILE=/etc/ca.pem\n");
        let good = good.unwrap().unwrap();
        assert_eq!((good.server.as_str(), good.token.as_str()), ("https://reeve.example", "AGT-1"));
        assert_eq!(good.ca_file.as_deref(), Some(std::path::Path::new("/etc/ca.pem")));
        assert!(!format!("{good:?}").contains("AGT-1"));
        for nothing in ["", "# SERVER=x\n# TOKEN=AGT-1\n", "SERVER=https://reeve.example\nTOKEN=\n"] {
            assert_eq!(parse(nothing).unwrap(), None, "{nothing}");
        }
        for (bad, sentence) in [
            ("TOKEN=AGT-1", "SERVER is missing"),
            ("SERVER=x\nAGT-1", "line 2 is not NAME=VALUE"),
            ("SERVER=x\nTOKN=AGT-1", "line 2 names neither SERVER, TOKEN nor CA_FILE"),
        ] {
            let why = parse(bad).unwrap_err();
            assert_eq!(why, sentence);
        }
    }
}
