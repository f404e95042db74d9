//! `reeve-agent selfcheck`: what this program is and whether it could work here, for the supervisor that is about to
//! start it in the place of another. It takes no lock, changes nothing, and is over in time whatever hangs: the agent of
//! this machine works on beside it.

use super::{channel, server};
use crate::{
    config,
    http::{Api, ApiError},
    identity::Identity,
    machine,
    paths::Paths,
    registration::Registration,
    spool,
    timing::Timing,
    tls,
    token::{DeviceApi, DeviceError},
};
use std::{
    sync::{
        Arc,
        mpsc::{self, Sender},
    },
    thread,
    time::{Duration, Instant},
};
use updater::{exit, selfcheck::SelfCheck};

/// All of it takes no longer.
const LONGEST: Duration = Duration::from_secs(26);
/// Tries of a server that could not be reached.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_secs(2);

/// Looks; the answer, and the exit code.
#[must_use]
pub fn carry_out(paths: &Paths, nonce: &str) -> (SelfCheck, u8) {
    let until = Instant::now() + LONGEST;
    let (tell, told) = mpsc::channel();
    let (paths, nonce) = (paths.clone(), nonce.to_owned());
    let mut answer = here();
    // What hangs is left behind: the end of this process ends it.
    let spawned =
        thread::Builder::new().name("selfcheck".to_owned()).spawn(move || look(&paths, &nonce, &tell));
    if spawned.is_ok() {
        while let Ok(more) = told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            answer = more;
        }
    }
    let is_good = answer.is_config_good && answer.receipt.is_some();
    (answer, if is_good { exit::CLEAN } else { exit::FAILED })
}

fn here() -> SelfCheck {
    SelfCheck {
        running: channel::running(false),
        os: machine::OS,
        arch: machine::ARCH,
        libc: updater::built::libc(),
        config_schema: config::VERSION,
        spool_schema: spool::SCHEMA,
        is_config_good: false,
        is_server_reached: false,
        is_server_busy: false,
        receipt: None,
    }
}

/// First what needs nobody else, then the server.
fn look(paths: &Paths, nonce: &str, tell: &Sender<SelfCheck>) {
    let mut answer = here();
    // Read and brought up to date in memory; the file stays as the program that runs needs it.
    let registration = match Registration::load(paths) {
        Ok(registration) => registration,
        Err(failure) => {
            tracing::warn!(%failure, "the configuration cannot be used");
            let _ = tell.send(answer);
            return;
        }
    };
    answer.is_config_good = Identity::load(paths).is_ok();
    let _ = tell.send(answer.clone());
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(ask(paths, &registration, nonce, answer, tell));
    runtime.shutdown_background();
}

async fn ask(
    paths: &Paths,
    registration: &Registration,
    nonce: &str,
    mut answer: SelfCheck,
    tell: &Sender<SelfCheck>,
) {
    let timing = Timing::default();
    let url = &registration.server_url;
    let device = tls::config(paths, url).and_then(|tls| Api::new(url, &tls, &timing));
    let (device, identity) = match (device, Identity::load(paths)) {
        (Ok(api), Ok(identity)) => (api, identity),
        (Err(failure), _) => return tracing::warn!(%failure, "the server cannot be asked"),
        (_, Err(error)) => return tracing::warn!(%error, "the device key cannot be read"),
    };
    let device = DeviceApi::new(device, registration.device_id, identity);
    let device = Arc::new(tokio::sync::Mutex::new(device));
    for is_last in (1..=TRIES).map(|number| number == TRIES) {
        match server::receipt(&device, nonce, answer.running.clone()).await {
            Ok(receipt) => {
                (answer.is_server_reached, answer.is_server_busy) = (true, false);
                answer.receipt = Some(receipt);
                let _ = tell.send(answer);
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "the server gave no receipt");
                // In its own words: an error page says nothing.
                let has_refused = match &error {
                    DeviceError::Api(error) => matches!(error, ApiError::Refused { problem: Some(_), .. }),
                    DeviceError::Revoked(_) => true,
                };
                answer.is_server_reached = has_refused;
                answer.is_server_busy = matches!(&error, DeviceError::Api(error) if error.means_busy());
                let _ = tell.send(answer.clone());
                if is_last || has_refused {
                    return;
                }
            }
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_is_no_device_is_said_to_be_unfit_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let started = Instant::now();
        let (answer, code) = carry_out(&Paths::under(folder.path()), &"0".repeat(32));
        assert!(!answer.is_config_good && !answer.is_server_reached && answer.receipt.is_none());
        assert_eq!((answer.os, code), (machine::OS, exit::FAILED));
        assert_eq!(answer.config_schema, 2);
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
