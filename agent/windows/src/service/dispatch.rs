//! Running as a service: the system calls in, and says when to stop.

use super::error;
use std::{
    ffi::OsString,
    io,
    sync::{
        Mutex, OnceLock,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};
use windows_service::{
    define_windows_service,
    service::{
        ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
    },
    service_control_handler::{self, ServiceControlHandlerResult},
    service_dispatcher,
};

/// How long the system may wait for the service to come up or to end.
const PATIENCE: Duration = Duration::from_secs(20);

type Work = Box<dyn FnOnce(Receiver<()>) -> u32 + Send>;

/// Name and work; the system calls a plain function, which finds them here.
static WORK: OnceLock<(String, Mutex<Option<Work>>)> = OnceLock::new();

/// Runs `work` as the service of this name. It gets a message when it is to stop, and answers an exit code: the system
/// takes another one than 0 for a failure and starts the service again. Once in the life of a process.
///
/// # Errors
/// When this process was not started as a service, or something refuses to work.
pub fn run(name: &str, work: impl FnOnce(Receiver<()>) -> u32 + Send + 'static) -> io::Result<()> {
    let work: Work = Box::new(work);
    WORK.set((name.to_owned(), Mutex::new(Some(work))))
        .map_err(|_| io::Error::other("a process is one service"))?;
    service_dispatcher::start(name, main_of_service).map_err(error)
}

define_windows_service!(main_of_service, main);

fn main(_arguments: Vec<OsString>) {
    let Some((name, work)) = WORK.get() else { return };
    let Some(work) = work.lock().ok().and_then(|mut work| work.take()) else { return };
    let (stop, stops) = channel();
    let registered = service_control_handler::register(name, move |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown => {
            // Asked twice, or the work has ended by itself: all the same.
            let _ = stop.send(());
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    });
    // Without it the system takes the service for one that does not come up, and says so in its log.
    let Ok(status) = registered else { return };
    let (passing, passed) = channel();
    let stopping = std::thread::Builder::new().name("stop".to_owned()).spawn(move || {
        if stops.recv().is_ok() {
            let _ = status.set_service_status(told(ServiceState::StopPending, 0));
            let _ = passing.send(());
        }
    });
    if stopping.is_err() {
        let _ = status.set_service_status(told(ServiceState::Stopped, 1));
        return;
    }
    let _ = status.set_service_status(told(ServiceState::Running, 0));
    let code = work(passed);
    let _ = status.set_service_status(told(ServiceState::Stopped, code));
}

fn told(state: ServiceState, code: u32) -> ServiceStatus {
    let running = state == ServiceState::Running;
    ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: if running {
            ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN
        } else {
            ServiceControlAccept::empty()
        },
        exit_code: if code == 0 { ServiceExitCode::Win32(0) } else { ServiceExitCode::ServiceSpecific(code) },
        checkpoint: 0,
        wait_hint: if running { Duration::ZERO } else { PATIENCE },
        process_id: None,
    }
}
