//! Windows services: installing one, running as one, and the control of any.

mod dispatch;
mod list;

pub use dispatch::run;
pub use list::{Listed, list};

use std::{
    ffi::OsString,
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};
use windows_service::{
    service::{
        Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl, ServiceExitCode,
        ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState,
        ServiceStatus, ServiceType,
    },
    service_manager::{ServiceManager, ServiceManagerAccess},
};

/// There is no service of this name.
const MISSING: i32 = 1060;
/// It is not running.
const NOT_RUNNING: i32 = 1062;
/// It runs already.
const RUNNING_ALREADY: i32 = 1056;
/// It was never started; stands where an exit code would.
const NEVER_STARTED: u32 = 1077;

/// What a service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// It does not run.
    Stopped,
    /// It stopped with an error: this exit code.
    Failed(u32),
    /// On its way up.
    Starting,
    /// On its way down.
    Stopping,
    /// Paused, or on its way there or back.
    Paused,
}

/// How a service is to be installed.
#[derive(Clone, Copy, Debug)]
pub struct Installation<'a> {
    /// Its name for the system.
    pub name: &'a str,
    /// Its name for people.
    pub display_name: &'a str,
    /// What it does, for people.
    pub description: &'a str,
    /// The program, which runs as the system.
    pub program: &'a Path,
    /// What the program is started with.
    pub arguments: &'a [OsString],
}

/// Installs a service that starts with the machine and is started again when it fails, or changes the one that is
/// there. Answers what could be done without and did not work.
///
/// # Errors
/// Whatever the service control manager refuses.
pub fn install(wanted: &Installation<'_>) -> io::Result<Vec<String>> {
    let info = ServiceInfo {
        name: wanted.name.into(),
        display_name: wanted.display_name.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: wanted.program.to_owned(),
        launch_arguments: wanted.arguments.to_vec(),
        dependencies: Vec::new(),
        account_name: None,
        account_password: None,
    };
    let rights = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    let service = match open(wanted.name, ServiceAccess::ALL_ACCESS)? {
        Some(service) => {
            service.change_config(&info).map_err(error)?;
            service
        }
        None => manager(rights)?.create_service(&info, ServiceAccess::ALL_ACCESS).map_err(error)?,
    };
    let mut without = Vec::new();
    let mut note = |what: &str, result: windows_service::Result<()>| {
        if let Err(refused) = result {
            without.push(format!("{what}: {}", error(refused)));
        }
    };
    note("description", service.set_description(wanted.description));
    // After what the machine's users wait for.
    note("delayed start", service.set_delayed_auto_start(true));
    note("recovery actions", service.update_failure_actions(recovery()));
    note("recovery after an exit with an error", service.set_failure_actions_on_non_crash_failures(true));
    Ok(without)
}

/// Again after a second, ten seconds, then each minute; forgotten after a good day.
fn recovery() -> ServiceFailureActions {
    let again = |seconds| ServiceAction {
        action_type: ServiceActionType::Restart,
        delay: Duration::from_secs(seconds),
    };
    ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(Duration::from_secs(86_400)),
        reboot_msg: None,
        command: None,
        actions: Some(vec![again(1), again(10), again(60)]),
    }
}

/// What a service is doing; `None` when there is none of this name.
///
/// # Errors
/// Whatever the service control manager refuses.
pub fn state(name: &str) -> io::Result<Option<State>> {
    Ok(look(name)?.map(|(state, _)| state))
}

/// What a service is doing, and its process while it has one; `None` when there is no service of this name.
///
/// # Errors
/// Whatever the service control manager refuses.
pub fn look(name: &str) -> io::Result<Option<(State, Option<u32>)>> {
    let Some(service) = open(name, ServiceAccess::QUERY_STATUS)? else { return Ok(None) };
    let status = service.query_status().map_err(error)?;
    Ok(Some((state_of(&status), status.process_id.filter(|id| *id != 0))))
}

/// Command line that a service is started with; `None` when there is none of this name.
///
/// # Errors
/// Whatever the service control manager refuses.
pub fn command(name: &str) -> io::Result<Option<OsString>> {
    match open(name, ServiceAccess::QUERY_CONFIG)? {
        Some(service) => Ok(Some(service.query_config().map_err(error)?.executable_path.into_os_string())),
        None => Ok(None),
    }
}

/// Starts a service and waits until it runs. One that runs already is fine.
///
/// # Errors
/// `NotFound` when there is none; `TimedOut` when it does not come up in time; what the manager refuses.
pub fn start(name: &str, patience: Duration) -> io::Result<()> {
    let service =
        open(name, ServiceAccess::START | ServiceAccess::QUERY_STATUS)?.ok_or_else(|| missing(name))?;
    match service.start::<OsString>(&[]).map_err(error) {
        Err(refused) if refused.raw_os_error() == Some(RUNNING_ALREADY) => {}
        other => other?,
    }
    wait_until(&service, patience, |state| match state {
        State::Running => Ok(true),
        State::Stopped | State::Failed(_) => {
            Err(io::Error::other(format!("{name} ended while it was started")))
        }
        _ => Ok(false),
    })
}

/// Stops a service and waits until it has. One that does not run is fine.
///
/// # Errors
/// `NotFound` when there is none; `TimedOut` when it does not end in time; what the manager refuses.
pub fn stop(name: &str, patience: Duration) -> io::Result<()> {
    let service =
        open(name, ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)?.ok_or_else(|| missing(name))?;
    match service.stop().map_err(error) {
        Err(refused) if refused.raw_os_error() == Some(NOT_RUNNING) => return Ok(()),
        other => other?,
    };
    wait_until(&service, patience, |state| Ok(matches!(state, State::Stopped | State::Failed(_))))
}

/// Deletes a service, which is gone once it has stopped and nobody looks at it. False: there was none.
///
/// # Errors
/// Whatever the service control manager refuses.
pub fn delete(name: &str) -> io::Result<bool> {
    match open(name, ServiceAccess::DELETE)? {
        Some(service) => service.delete().map_err(error).map(|()| true),
        None => Ok(false),
    }
}

fn wait_until(
    service: &Service,
    patience: Duration,
    reached: impl Fn(State) -> io::Result<bool>,
) -> io::Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        let state = state_of(&service.query_status().map_err(error)?);
        if reached(state)? {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("the service is still {state:?}")));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn state_of(status: &ServiceStatus) -> State {
    match status.current_state {
        ServiceState::Running => State::Running,
        ServiceState::StartPending => State::Starting,
        ServiceState::StopPending => State::Stopping,
        ServiceState::Paused | ServiceState::PausePending | ServiceState::ContinuePending => State::Paused,
        ServiceState::Stopped => match status.exit_code {
            ServiceExitCode::Win32(0 | NEVER_STARTED) | ServiceExitCode::ServiceSpecific(0) => State::Stopped,
            ServiceExitCode::Win32(code) | ServiceExitCode::ServiceSpecific(code) => State::Failed(code),
        },
    }
}

fn manager(rights: ServiceManagerAccess) -> io::Result<ServiceManager> {
    ServiceManager::local_computer(None::<&str>, rights).map_err(error)
}

fn open(name: &str, rights: ServiceAccess) -> io::Result<Option<Service>> {
    match manager(ServiceManagerAccess::CONNECT)?.open_service(name, rights).map_err(error) {
        Ok(service) => Ok(Some(service)),
        Err(refused) if refused.raw_os_error() == Some(MISSING) => Ok(None),
        Err(refused) => Err(refused),
    }
}

fn missing(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("there is no service {name}"))
}

/// The system's own error, where there is one.
fn error(error: windows_service::Error) -> io::Error {
    match error {
        windows_service::Error::Winapi(error) => error,
        other => io::Error::other(other),
    }
}
