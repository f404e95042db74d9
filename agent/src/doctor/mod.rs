//! `reeve-agent doctor`: looks at everything the agent needs and says what is wrong with it.

use crate::{
    command,
    http::Api,
    identity::{DeviceKey, Identity},
    ipc::secret::Secret,
    lock, log, machine,
    paths::{Context, Paths},
    protect,
    registration::Registration,
    state::{LinkState, State},
    status::Live,
    timing::Timing,
    tls,
    token::DeviceApi,
    update,
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All is well.
    Ok,
    /// Worth a look; the agent works.
    Warning,
    /// The agent cannot do what it is for.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// How it is.
    pub outcome: Outcome,
    /// What was seen, and what to do.
    pub detail: String,
}

impl Check {
    pub(crate) fn new(name: &str, outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), outcome, detail: detail.into() }
    }

    fn ok(name: &str, detail: impl Into<String>) -> Self {
        Self::new(name, Outcome::Ok, detail)
    }

    fn of(name: &str, looked: Result<String, String>) -> Self {
        match looked {
            Ok(detail) => Self::new(name, Outcome::Ok, detail),
            Err(detail) => Self::new(name, Outcome::Wrong, detail),
        }
    }
}

/// Looks at what can be seen from outside: the files.
#[must_use]
pub fn examine(paths: &Paths) -> Vec<Check> {
    let mut checks = vec![
        Check::ok(
            "version",
            format!("{} for {} on {}", machine::version(), machine::OS.word(), machine::ARCH.word()),
        ),
        Check::ok("context", Context::current().word()),
    ];
    checks.extend(protection(paths));
    checks.push(Check::of(
        "registration",
        Registration::load(paths)
            .map(|found| format!("{} ({}) at {}", found.device_name, found.device_id, found.server_url))
            .map_err(|failure| failure.message),
    ));
    checks.push(Check::of(
        "device key",
        DeviceKey::load(&paths.key())
            .map(|key| format!("fingerprint {}", key.fingerprint()))
            .map_err(|error| format!("{}: {error}; register again with --replace", paths.key().display())),
    ));
    checks.push(match Secret::find(paths) {
        Ok(Some(_)) => Check::ok("channel secret", "present"),
        Ok(None) => Check::ok("channel secret", "none yet: the agent makes it when it starts"),
        Err(error) => Check::new(
            "channel secret",
            Outcome::Warning,
            format!("{error}: the agent makes another when it starts"),
        ),
    });
    checks.extend(commands(paths));
    checks.push(room(paths));
    checks
}

fn protection(paths: &Paths) -> Vec<Check> {
    let folder = paths.folder();
    if !folder.exists() && folder.symlink_metadata().is_err() {
        let detail = format!("{} is not there: registration makes it", folder.display());
        return vec![Check::new("data directory", Outcome::Warning, detail)];
    }
    let findings = protect::check(paths);
    if findings.is_empty() {
        return vec![Check::ok("data directory", format!("{} is protected", folder.display()))];
    }
    let wrong = |finding: &protect::Finding| {
        let hint = if finding.can_be_fixed() { "; repair it with doctor --fix" } else { "; remove it" };
        Check::new("data directory", Outcome::Wrong, format!("{finding}{hint}"))
    };
    findings.iter().map(wrong).collect()
}

/// What stands in the way of what people ask this device to do; nothing on a machine that is no device.
fn commands(paths: &Paths) -> Option<Check> {
    let knows_root = Registration::load(paths).ok()?.command_root_key().is_some();
    let survey = command::survey(paths);
    let is_usual = knows_root && !survey.is_stopped && survey.mode == entity::command::Mode::Normal;
    let outcome = if is_usual { Outcome::Ok } else { Outcome::Warning };
    Some(Check::new("commands", outcome, survey.text(knows_root)))
}

fn room(paths: &Paths) -> Check {
    match log::disk::room(paths.folder()) {
        Ok(room) => {
            let detail = format!("{} MiB free", room.free_bytes / (1024 * 1024));
            let outcome = if room.is_scarce() { Outcome::Warning } else { Outcome::Ok };
            Check::new("disk", outcome, detail)
        }
        Err(error) => Check::new("disk", Outcome::Warning, error.to_string()),
    }
}

/// Asks the server for a token, as the agent does; nothing when this machine is not registered.
pub async fn ask_server(paths: &Paths, timing: &Timing) -> Option<Check> {
    let registration = Registration::load(paths).ok()?;
    let identity = Identity::load(paths).ok()?;
    let url = &registration.server_url;
    let asked = async {
        let tls = tls::config(paths, url).map_err(|failure| failure.message)?;
        let api = Api::new(url, &tls, timing).map_err(|failure| failure.message)?;
        let mut device = DeviceApi::new(api, registration.device_id, identity);
        device.token().await.map_err(|error| error.to_string())
    };
    let told = timeout(timing.connect, asked).await.unwrap_or_else(|_| Err("no answer in time".to_owned()));
    Some(Check::of(
        "server",
        told.map(|_| format!("{url} can be reached and knows this device"))
            .map_err(|error| format!("{url}: {error}")),
    ))
}

/// What the agent that runs knows of itself.
#[must_use]
pub fn examine_inside(paths: &Paths, live: &Live) -> Vec<Check> {
    let state = State::load(paths);
    let supervised = if live.supervised { ", supervised" } else { "" };
    let mut checks = vec![Check::ok(
        "agent",
        format!("runs as pid {}, {}{supervised}", std::process::id(), live.agent_state.word()),
    )];
    checks.push(match state.as_ref().map(|state| &state.link) {
        Some(LinkState::Connected { kind }) => Check::ok("link", format!("connected by {}", kind.word())),
        Some(LinkState::Revoked { detail }) => Check::new("link", Outcome::Wrong, detail.clone()),
        Some(LinkState::Connecting { detail: Some(detail) }) => {
            Check::new("link", Outcome::Wrong, detail.clone())
        }
        _ => Check::new("link", Outcome::Warning, "not up yet"),
    });
    checks.push(match state.and_then(|state| state.spool_trouble) {
        None => Check::ok("spool", "samples are kept on disk"),
        Some(trouble) => Check::new("spool", Outcome::Wrong, trouble),
    });
    if let Some(live) = &live.update {
        checks.extend(update::checks(paths, live));
    }
    checks
}

/// No agent answered on the channel.
#[must_use]
pub fn not_answering(paths: &Paths) -> Check {
    match lock::running(paths) {
        Some(holder) => Check::new(
            "agent",
            Outcome::Wrong,
            format!("runs ({holder}), but does not answer on its channel"),
        ),
        None => Check::new("agent", Outcome::Warning, "does not run"),
    }
}

/// Repairs the data directory. What was done, a line each.
#[must_use]
pub fn fix(paths: &Paths) -> Vec<Check> {
    let findings = protect::check(paths);
    let repaired = protect::repair(&findings).into_iter().map(|(finding, outcome)| match outcome {
        Ok(()) => Check::ok("repair", format!("repaired: {finding}")),
        Err(error) => Check::new("repair", Outcome::Wrong, format!("{finding}: {error}")),
    });
    repaired.collect()
}

/// For people: a line each.
#[must_use]
pub fn text(checks: &[Check]) -> String {
    let line = |check: &Check| {
        let mark = match check.outcome {
            Outcome::Ok => "ok",
            Outcome::Warning => "warning",
            Outcome::Wrong => "WRONG",
        };
        format!("{mark:<8} {:<16} {}\n", check.name, check.detail)
    };
    checks.iter().map(line).collect()
}
