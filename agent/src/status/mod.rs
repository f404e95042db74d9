//! `reeve-agent status`: what a person at the machine wants to know.

mod ask;

pub use ask::{ask, doctor, logs};

use crate::{
    command,
    failure::Failure,
    identity::DeviceKey,
    ipc::tail::plain,
    lock, log, machine,
    paths::{Context, Paths},
    phase::Phase,
    registration::Registration,
    spool::{self, Survey},
    state::{LinkState, State},
    timing::Timing,
    update::{self, Updates},
};
use chrono::{DateTime, Utc};
use entity::{agent_state::AgentState, presence::LinkKind};
use serde::{Deserialize, Serialize};
use std::{fmt::Write as _, path::PathBuf};

/// Most errors that are shown.
const ERRORS_MAX: usize = 5;
/// Bytes at the end of the log that are looked through for them.
const LOG_BYTES: u64 = 64 * 1024;

/// Everything `status` shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Version of the agent that answers.
    pub agent_version: String,
    /// Whose agent it is: `machine` or `user`.
    pub context: String,
    /// Where its files are.
    pub data_dir: PathBuf,
    /// The registration.
    pub registration: Registration,
    /// SHA-256 of the public key, first 16 hex digits: to compare with the portal.
    pub key_fingerprint: Option<String>,
    /// The agent that runs, if one does.
    pub running_pid: Option<u32>,
    /// What the agent that runs says of itself; absent when none does, or it does not answer.
    pub live: Option<Live>,
    /// The link and the rest of what the agent last kept.
    pub state: Option<State>,
    /// The spool.
    pub spool: Survey,
    /// Most bytes the spool may take.
    pub spool_max_bytes: u64,
    /// What is done of what people ask this device to do.
    pub commands: command::Survey,
    /// The last lines of the log that are errors or warnings.
    pub last_errors: Vec<String>,
}

/// What an agent says of itself while it runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Live {
    /// What it is doing with itself.
    pub agent_state: AgentState,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The version that an update leads to, while there is one.
    pub target_version: Option<String>,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// Its supervisor starts it again when it ends.
    pub supervised: bool,
    /// What it knows of updates.
    #[serde(default)]
    pub update: Option<update::Live>,
}

impl Live {
    /// What this agent says of itself.
    #[must_use]
    pub fn of(phase: &Phase, started_at: DateTime<Utc>, supervised: bool, updates: &Updates) -> Self {
        let now = phase.now();
        Self {
            agent_state: now.state,
            since: now.since,
            target_version: now.target_version,
            started_at,
            supervised,
            update: Some(updates.live()),
        }
    }
}

/// Looks at the files of the agent. `live` is what this process says of itself, when it is the agent.
///
/// # Errors
/// When this machine is not registered.
pub fn report(paths: &Paths, live: Option<Live>) -> Result<Report, Failure> {
    let running_pid = if live.is_some() {
        Some(std::process::id())
    } else {
        lock::running(paths).map(|holder| holder.pid.unwrap_or(0))
    };
    Ok(Report {
        agent_version: machine::version().to_owned(),
        context: Context::current().word().to_owned(),
        data_dir: paths.folder().to_owned(),
        registration: Registration::load(paths)?,
        key_fingerprint: DeviceKey::load(&paths.key()).ok().map(|key| key.fingerprint()),
        running_pid,
        live,
        state: State::load(paths),
        spool: spool::survey(&paths.spool()),
        spool_max_bytes: Timing::default().spool_bytes,
        commands: command::survey(paths),
        last_errors: last_errors(paths),
    })
}

/// The last errors and warnings in the log, oldest first.
fn last_errors(paths: &Paths) -> Vec<String> {
    #[derive(Deserialize)]
    struct Line {
        level: String,
    }
    let text = log::tail(&log::folder(paths), LOG_BYTES);
    let is_bad = |line: &&str| {
        let level = serde_json::from_str::<Line>(line).map(|line| line.level);
        level.is_ok_and(|level| matches!(level.as_str(), "WARN" | "ERROR" | "FATAL"))
    };
    let mut errors: Vec<String> = text.lines().rev().filter(is_bad).take(ERRORS_MAX).map(plain).collect();
    errors.reverse();
    errors
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
        if let Some(update) = self.live.as_ref().and_then(|live| live.update.as_ref()) {
            line("Release", &update.text());
        }
        line("Link", &self.link());
        line("Spool", &self.spool());
        line("Last ack", &self.spool.last_acknowledged_at.map_or_else(|| "none yet".to_owned(), moment));
        line("Commands", &self.commands.text(registration.command_root_key().is_some()));
        if let Some(limits) = self.commands.limits_text() {
            line("Limits", &limits);
        }
        line("Files", &format!("{} ({} context)", self.data_dir.display(), self.context));
        if let Some(trouble) = self.state.as_ref().and_then(|state| state.spool_trouble.as_deref()) {
            line(
                "Trouble",
                &format!("samples cannot be kept on disk ({trouble}); the latest wait in memory"),
            );
        }
        for error in &self.last_errors {
            line("Last error", error);
        }
        text
    }

    fn agent(&self) -> String {
        let version = &self.agent_version;
        let Some(pid) = self.running_pid else { return format!("{version}, not running") };
        let mut text = format!("{version}, running as pid {pid}");
        match &self.live {
            Some(live) => {
                let (word, since) = (live.agent_state.word(), moment(live.since));
                let _ = write!(text, ", {word} since {since}");
                if let Some(target) = &live.target_version {
                    let _ = write!(text, ", on its way to {target}");
                }
                if live.supervised {
                    text.push_str(", supervised");
                }
            }
            None => text.push_str(", does not answer on its channel"),
        }
        text
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
