//! An agent that cannot even start tells its server why, as far as it still knows who it is.

use super::{Buffer, ErrorKind, Limits, Note, reports, send_now};
use crate::{
    config::{self, Config},
    failure::Failure,
    http::Api,
    paths::Paths,
    timing::Timing,
    tls,
};
use serde_json::json;
use std::time::Duration;
use updater::exit;

/// A supervisor starts the agent again; it is not kept waiting for longer.
const LONGEST: Duration = Duration::from_secs(10);

/// What an exit code means as an error worth reporting.
const fn kind_of(code: u8) -> Option<ErrorKind> {
    match code {
        exit::CONFIG_INVALID => Some(ErrorKind::ConfigInvalid),
        exit::UNPROTECTED => Some(ErrorKind::DataDirectoryUnsafe),
        exit::UNRESPONSIVE => Some(ErrorKind::LockUnresponsive),
        exit::SECRET_REFUSED => Some(ErrorKind::IpcSecretMismatch),
        _ => None,
    }
}

/// Reports why the agent did not start, where that is worth it, and tries once to send it.
pub fn last_words(paths: &Paths, failure: &Failure) {
    let Some(mut kind) = kind_of(failure.code) else { return };
    let mut message = failure.message.clone();
    if let Err(error) = config::read(paths)
        && kind == ErrorKind::ConfigInvalid
    {
        (kind, message) = (error.kind(), error.sentence());
    }
    tracing::error!(target: crate::log::FATAL, kind = kind.word(), "{}", failure.message);
    // Nothing is written to a folder that others can write to, nor beside an agent that runs.
    let buffer = match kind {
        ErrorKind::ConfigInvalid | ErrorKind::ConfigMigrationFailed => Buffer::open(paths, Limits::default()),
        _ => Buffer::in_memory(Limits::default()),
    };
    reports().buffer.get_or_insert(buffer).add(Note::new(
        kind,
        message,
        json!({ "exit_code": failure.code }),
    ));
    let Some(identity) = known(paths) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let (Ok(api), Ok(runtime)) = (api(paths, &identity), runtime) {
        runtime.block_on(send_now(&api, identity.device_id, paths, LONGEST));
        runtime.shutdown_background();
    }
}

fn api(paths: &Paths, identity: &Config) -> Result<Api, Failure> {
    let tls = tls::config(paths, &identity.server_url)?;
    Api::new(&identity.server_url, &tls, &Timing::default())
}

/// Who this machine is: by its configuration, or by the newest backup that can still be read.
fn known(paths: &Paths) -> Option<Config> {
    let found = config::read(paths).ok().flatten().map(|found| found.config);
    found.or_else(|| config::backups(paths).iter().find_map(|backup| config::read_backup(backup)))
}
