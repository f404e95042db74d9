//! The channel as a named pipe, open to SYSTEM, the administrators and, for a user's agent, that user.

use crate::paths::Paths;
use sha2::{Digest as _, Sha256};
use std::{io, time::Duration};
use tokio::net::windows::named_pipe::{NamedPipeClient, NamedPipeServer};
use windows_api::{identity, name, pipe, sddl};

pub(super) type Served = NamedPipeServer;
pub(super) type Opened = NamedPipeClient;

/// Tells agents with data directories of their own apart; `None` for the usual one.
pub(super) fn instance(paths: &Paths) -> Option<String> {
    let folder = paths.folder().to_string_lossy().to_lowercase();
    let usual = Paths::usual().folder().to_string_lossy().to_lowercase();
    (folder != usual).then(|| hex::encode(&Sha256::digest(folder.as_bytes())[..8]))
}

/// Where the agent listens.
pub(super) struct Listener {
    name: String,
    sddl: String,
    next: NamedPipeServer,
}

impl Listener {
    /// Starts to listen.
    pub(super) fn open(paths: &Paths) -> io::Result<Self> {
        let scope = identity::scope()?;
        let name = name::pipe(&scope, instance(paths).as_deref());
        let sddl = sddl::pipe(&scope);
        let next = pipe::serve(&name, &sddl, true)?;
        Ok(Self { name, sddl, next })
    }

    /// The next one who calls; the system has looked at who it is.
    pub(super) async fn accept(&mut self) -> io::Result<Served> {
        self.next.connect().await?;
        // Another instance at once, so that nobody finds the name free.
        let next = pipe::serve(&self.name, &self.sddl, false)?;
        Ok(std::mem::replace(&mut self.next, next))
    }
}

/// Calls the agent that runs.
pub(super) async fn connect(paths: &Paths) -> io::Result<Opened> {
    let scope = identity::scope()?;
    let name = name::pipe(&scope, instance(paths).as_deref());
    loop {
        match pipe::open(&name) {
            Ok(opened) => {
                // Whoever makes a pipe first owns its name: the secret is not told to strangers.
                let findings = pipe::check(&opened, &scope)?;
                return match findings.owner {
                    None => Ok(opened),
                    Some(owner) => Err(io::Error::new(
                        io::ErrorKind::PermissionDenied,
                        format!("the pipe belongs to {owner}"),
                    )),
                };
            }
            Err(error) if error.raw_os_error() == Some(pipe::BUSY) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error),
        }
    }
}
