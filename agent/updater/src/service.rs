//! The supervisor as a service of Windows: the service control manager says when to stop, and nobody reads what it
//! prints, so that goes to a file of the data directory.

use crate::{
    signal,
    supervise::{Plan, supervise_until},
};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::mpsc::sync_channel,
    time::{SystemTime, UNIX_EPOCH},
};

/// A file that is longer gives way to the next.
const BYTES_MAX: u64 = 256 * 1024;

/// Supervises until the service control manager says to stop.
///
/// # Errors
/// When this process was not started as a service.
pub fn run(plan: Plan) -> io::Result<()> {
    windows_api::service::run(windows_api::name::AGENT, move |stops| {
        let log = log(&plan);
        let say = |line: &str| {
            if let Some(log) = &log {
                let _ = write(log, line);
            }
        };
        let (sender, wakes) = sync_channel(signal::WAITING_MAX);
        let supervised = signal::listen_to(stops, sender.clone())
            .and_then(|()| supervise_until(&plan, sender, wakes, false, |line| say(&line.to_string())));
        match supervised {
            // Another code than 0 has the service started again.
            Ok(code) => u32::from(code),
            Err(error) => {
                say(&error.to_string());
                u32::from(crate::exit::FAILED)
            }
        }
    })
}

/// Beside the agent's own log. A folder that is not there is the agent's to make, with its protection.
fn log(plan: &Plan) -> Option<PathBuf> {
    Some(plan.data_dir()?.join("updater.log"))
}

fn write(log: &Path, line: &str) -> io::Result<()> {
    if fs::metadata(log).is_ok_and(|file| file.len() > BYTES_MAX) {
        fs::rename(log, log.with_extension("log.1"))?;
    }
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut file = OpenOptions::new().create(true).append(true).open(log)?;
    file.write_all(format!("{seconds} {line}\n").as_bytes())
}
