//! Windows: the service control manager.

use super::machine::Seen;
use crate::system_service::windows_status;
use std::{collections::BTreeMap, io, time::Duration};
use tokio::task::spawn_blocking;
use windows_api::service::{self, State};

/// A service has this long to end, and as long to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The service manager of this machine.
#[derive(Clone, Debug)]
pub struct Manager;

impl Manager {
    /// The one that there is.
    #[must_use]
    pub const fn usual() -> Self {
        Self
    }

    /// Windows keeps nothing that could be compared cheaper than asking.
    #[must_use]
    pub const fn stamp(&self, _: &[String]) -> Option<u64> {
        None
    }

    /// The services as they are now; `None` when the service control manager does not say.
    pub async fn look(&self, names: &[String]) -> Option<BTreeMap<String, Seen>> {
        let names = names.to_vec();
        let look = move || names.into_iter().map(|name| Ok((name.clone(), seen(&name)?))).collect();
        let looked: io::Result<_> = spawn_blocking(look).await.ok()?;
        looked
            .inspect_err(|error| {
                tracing::warn!(%error, "the service control manager cannot be asked for the services that are looked after");
            })
            .ok()
    }

    /// Restarts a service, and waits until it has started or failed to.
    ///
    /// # Errors
    /// When it did not end or did not start.
    pub async fn restart(&self, name: &str) -> io::Result<()> {
        let name = name.to_owned();
        let restart = move || {
            service::stop(&name, PATIENCE)?;
            service::start(&name, PATIENCE)
        };
        spawn_blocking(restart).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

fn seen(name: &str) -> io::Result<Seen> {
    let Some((state, pid)) = service::look(name)? else { return Ok(Seen::default()) };
    let exit_code = if let State::Failed(code) = state { i32::try_from(code).ok() } else { None };
    Ok(Seen { status: Some(windows_status(state)), pid, exit_code, ..Seen::default() })
}
