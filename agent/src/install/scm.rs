//! The agent as a service of Windows: what the service control manager is told, and the steps around it.

use super::{
    place::Places,
    step::{ServiceStep, Step},
};
use std::io;

/// What the service control manager calls it.
pub const NAME: &str = windows_api::name::AGENT;

/// Makes the service start now and at each boot.
pub(super) fn install(places: &Places, starts: bool) -> Vec<Step> {
    let text = |path: std::path::PathBuf| path.display().to_string();
    let arguments = vec![
        "service".to_owned(),
        "--agent".to_owned(),
        text(places.program(&places.prefix, "reeve-agent")),
        "--data-dir".to_owned(),
        text(places.data.clone()),
        "--".to_owned(),
        "--data-dir".to_owned(),
        text(places.data.clone()),
    ];
    let program = places.program(&places.prefix, "reeve-updater");
    let mut steps = vec![Step::Service(ServiceStep::Install { program, arguments })];
    if starts {
        steps.push(Step::Service(ServiceStep::Start));
    }
    steps
}

/// Stops the service and takes it away.
pub(super) fn uninstall() -> Vec<Step> {
    [ServiceStep::Stop, ServiceStep::Delete].map(Step::Service).to_vec()
}

/// A service has this long to come up or to end.
#[cfg(windows)]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Asks the service control manager. True: something is otherwise than before.
///
/// # Errors
/// Whatever it refuses.
#[cfg(windows)]
pub(super) fn carry_out(step: &ServiceStep) -> io::Result<bool> {
    use windows_api::service::{self, Installation, State};
    let is_running = || Ok::<_, io::Error>(service::state(NAME)? == Some(State::Running));
    match step {
        ServiceStep::Install { program, arguments } => {
            let is_new = service::state(NAME)?.is_none();
            let arguments: Vec<_> = arguments.iter().map(Into::into).collect();
            let without = service::install(&Installation {
                name: NAME,
                display_name: "Reeve agent",
                description: "Watches this machine and reports to its Reeve server.",
                program,
                arguments: &arguments,
            })?;
            // What the installer left there is a secret until the agent has used it.
            if let Some(error) = windows_api::registry::protect(super::pending::KEY).err() {
                tracing::warn!(%error, "everybody may read what waits in the registry");
            }
            for note in without {
                tracing::warn!(note, "the service goes without");
            }
            Ok(is_new)
        }
        ServiceStep::Start if is_running()? => Ok(false),
        ServiceStep::Start => service::start(NAME, PATIENCE).map(|()| true),
        ServiceStep::Stop if !is_running()? => Ok(false),
        ServiceStep::Stop => service::stop(NAME, PATIENCE).map(|()| true),
        ServiceStep::Delete => service::delete(NAME),
    }
}

/// There is no such manager here.
///
/// # Errors
/// Always.
#[cfg(not(windows))]
pub(super) fn carry_out(_: &ServiceStep) -> io::Result<bool> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no service control manager of Windows"))
}
