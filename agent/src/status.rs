//! `reeve-agent status`: what a person at the machine wants to know.

use crate::{
    failure::Failure,
    identity::DeviceKey,
    lock, machine,
    paths::Paths,
    registration::Registration,
    spool::{self, Survey},
    state::{LinkState, State},
    timing::Timing,
};
use chrono::{DateTime, Utc};
use entity::presence::LinkKind;
use serde::Serialize;
use std::fmt::Write as _;

/// Everything `status` shows.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Version of the agent that answers.
    pub agent_version: &'static str,
    /// The registration.
    pub registration: Registration,
    /// SHA-256 of the public key, first 16 hex digits: to compare with the portal.
    pub key_fingerprint: Option<String>,
    /// The agent that runs, if one does.
    pub running_pid: Option<u32>,
    /// The link and the rest of what the agent last kept.
    pub state: Option<State>,
    /// The spool.
    pub spool: Survey,
    /// Most bytes the spool may take.
    pub spool_max_bytes: u64,
}

/// Looks at the files of the agent.
///
/// # Errors
/// When this machine is not registered.
pub fn report(paths: &Paths) -> Result<Report, Failure> {
    Ok(Report {
        agent_version: machine::VERSION,
        registration: Registration::load(paths)?,
        key_fingerprint: DeviceKey::load(&paths.key()).ok().map(|key| key.fingerprint()),
        running_pid: lock::running(paths),
        state: State::load(paths),
        spool: spool::survey(&paths.spool()),
        spool_max_bytes: Timing::default().spool_bytes,
    })
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

impl Report {
    /// For programs.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).map_or_else(|error| error.to_string(), |text| text + "\n")
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let registration = &self.registration;
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            // A string takes everything.
            let _ = writeln!(text, "{name:<12} {value}");
        };
        line("Device", &format!("{} ({})", registration.device_name, registration.device_id));
        line("Server", &registration.server_url);
        line("Registered", &moment(registration.registered_at));
        line(
            "Key",
            self.key_fingerprint.as_deref().unwrap_or("missing or damaged: register again with --replace"),
        );
        line("Agent", &self.agent());
        line("Link", &self.link());
        line("Spool", &self.spool());
        line("Last ack", &self.spool.last_acknowledged_at.map_or_else(|| "none yet".to_owned(), moment));
        if let Some(trouble) = self.state.as_ref().and_then(|state| state.spool_trouble.as_deref()) {
            line(
                "Trouble",
                &format!("samples cannot be kept on disk ({trouble}); the latest wait in memory"),
            );
        }
        text
    }

    fn agent(&self) -> String {
        match self.running_pid {
            Some(pid) => format!("{}, running as pid {pid}", self.agent_version),
            None => format!("{}, not running", self.agent_version),
        }
    }

    fn link(&self) -> String {
        let Some(state) = &self.state else { return "never connected".to_owned() };
        let since = moment(state.since);
        match &state.link {
            LinkState::Revoked { detail } => format!("access was ended by the server, {since}: {detail}"),
            _ if self.running_pid.is_none() => "down: the agent does not run".to_owned(),
            LinkState::Connected { kind: LinkKind::Socket } => {
                format!("connected by WebSocket since {since}")
            }
            LinkState::Connected { kind: LinkKind::Polling } => {
                format!("connected by HTTP since {since}: WebSockets to the server are blocked")
            }
            LinkState::Connecting { detail: Some(detail) } => format!("down since {since}: {detail}"),
            LinkState::Connecting { detail: None } | LinkState::Stopped => {
                format!("connecting since {since}")
            }
        }
    }

    fn spool(&self) -> String {
        let Survey { samples_waiting, size_bytes, samples_dropped, lines_damaged, .. } = self.spool;
        let mut text = format!(
            "{samples_waiting} samples wait for the server, {} KiB of {} MiB",
            size_bytes.div_ceil(1024),
            self.spool_max_bytes / (1024 * 1024)
        );
        if samples_dropped > 0 {
            let _ = write!(text, ", {samples_dropped} dropped");
        }
        if lines_damaged > 0 {
            let _ = write!(text, ", {lines_damaged} damaged lines skipped");
        }
        text
    }
}
