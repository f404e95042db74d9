//! How the agent is doing, kept in `state.json`: for `reeve-agent status`, and for the next run, which tells the
//! server how the link before it ended. Written only when something changes.

use crate::{
    error_report::{self, ErrorKind},
    machine,
    paths::Paths,
};
use chrono::{DateTime, Utc};
use entity::{
    presence::{DisconnectReason, LinkKind},
    wire::PreviousLink,
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};
use updater::durable::{Mode, write_atomic};

/// The link to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LinkState {
    /// On its way up.
    Connecting {
        /// Why it is not up, once that is known.
        detail: Option<String>,
    },
    /// Up.
    Connected {
        /// How.
        kind: LinkKind,
    },
    /// The server has ended this device's access.
    Revoked {
        /// In the server's words.
        detail: String,
    },
    /// The agent was stopped.
    Stopped,
}

/// What the file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Boot of the machine that this is about.
    pub boot_id: Option<String>,
    /// The link.
    pub link: LinkState,
    /// Since when it is in that state.
    pub since: DateTime<Utc>,
    /// How the last link ended; absent while one is up, and before the first.
    pub previous: Option<PreviousLink>,
    /// Why samples cannot be kept on disk, while they cannot.
    pub spool_trouble: Option<String>,
    /// The agent was started by its supervisor, which starts it again when it ends.
    #[serde(default)]
    pub supervised: bool,
}

impl State {
    /// Reads the state, if there is one that can be read.
    #[must_use]
    pub fn load(paths: &Paths) -> Option<Self> {
        serde_json::from_slice(&fs::read(paths.state()).ok()?).ok()
    }
}

/// Keeps the state, in the hands of several tasks.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    path: PathBuf,
    state: State,
}

impl Recorder {
    /// Takes over from the run before this one.
    #[must_use]
    pub fn take_over(paths: &Paths, supervised: bool) -> Self {
        let boot_id = machine::boot_id();
        let last_sign = last_change(&[paths.state(), paths.spool()]);
        let previous = State::load(paths)
            .and_then(|before| previous(before, boot_id.as_deref(), last_sign.unwrap_or_else(Utc::now)));
        let state = State {
            boot_id,
            link: LinkState::Connecting { detail: None },
            since: Utc::now(),
            previous,
            spool_trouble: None,
            supervised,
        };
        let kept = Kept { path: paths.state(), state };
        kept.keep();
        Self(Arc::new(Mutex::new(kept)))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the link before this one ended.
    #[must_use]
    pub fn previous(&self) -> Option<PreviousLink> {
        self.kept().state.previous.clone()
    }

    /// The same, when the link changes over: a loss that nobody explained was the beginning of that.
    #[must_use]
    pub fn previous_when_changing(&self) -> Option<PreviousLink> {
        self.previous().map(|previous| match previous.reason {
            DisconnectReason::ConnectionLost => {
                PreviousLink { reason: DisconnectReason::LinkChanged, ..previous }
            }
            _ => previous,
        })
    }

    /// The link is up.
    pub fn connected(&self, kind: LinkKind) {
        tracing::info!(link.kind = kind.word(), "connected");
        let mut kept = self.kept();
        kept.state.previous = None;
        kept.enter(LinkState::Connected { kind });
    }

    /// The link is down, for this reason.
    pub fn ended(&self, reason: DisconnectReason) {
        let mut kept = self.kept();
        kept.note_end(reason);
        kept.enter(LinkState::Connecting { detail: Some(reason.sentence().to_owned()) });
    }

    /// The link could not come up, and this is why. True when that is news.
    pub fn still_down(&self, detail: &str, unreachable: bool) -> bool {
        let mut kept = self.kept();
        if unreachable
            && let Some(previous) = &mut kept.state.previous
            && previous.reason == DisconnectReason::ConnectionLost
        {
            previous.reason = DisconnectReason::NetworkUnreachable;
        }
        kept.enter(LinkState::Connecting { detail: Some(detail.to_owned()) })
    }

    /// The server has ended this device's access.
    pub fn revoked(&self, detail: &str) {
        let mut kept = self.kept();
        kept.note_end(DisconnectReason::Revoked);
        kept.enter(LinkState::Revoked { detail: detail.to_owned() });
    }

    /// Samples can be kept on disk, or why they cannot.
    pub fn spool(&self, trouble: Option<String>) {
        let mut kept = self.kept();
        if kept.state.spool_trouble != trouble {
            let is_new = kept.state.spool_trouble.is_none();
            kept.state.spool_trouble.clone_from(&trouble);
            kept.keep();
            drop(kept);
            if let Some(trouble) = trouble.filter(|_| is_new) {
                let message = "samples cannot be kept on disk; the latest wait in memory";
                error_report::note(ErrorKind::DiskFull, message, serde_json::json!({ "error": trouble }));
            }
        }
    }

    /// The agent ends in order.
    pub fn stopped(&self) {
        let mut kept = self.kept();
        kept.note_end(DisconnectReason::AgentStopped);
        kept.enter(LinkState::Stopped);
    }
}

impl Kept {
    fn note_end(&mut self, reason: DisconnectReason) {
        if matches!(self.state.link, LinkState::Connected { .. }) {
            self.state.previous = Some(PreviousLink { ended_at: Utc::now(), reason });
        }
    }

    /// True when it was in another state before.
    fn enter(&mut self, link: LinkState) -> bool {
        if self.state.link == link {
            return false;
        }
        // Another reason for the same state is no new state.
        if std::mem::discriminant(&self.state.link) != std::mem::discriminant(&link) {
            self.state.since = Utc::now();
        }
        self.state.link = link;
        self.keep();
        true
    }

    fn keep(&self) {
        let kept = serde_json::to_vec_pretty(&self.state).map_err(io::Error::from).and_then(|bytes| {
            write_atomic(&self.path, &bytes, Mode::Private).or_else(|error| {
                // A full disk has no room for a new file, but the old one can be written over.
                overwrite(&self.path, &bytes).map_err(|_| error)
            })
        });
        if let Err(error) = kept {
            tracing::warn!(%error, "the state of the agent could not be kept");
        }
    }
}

fn overwrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)
}

/// The latest change to any of these files or folders: the last sign of life of the run before.
fn last_change(paths: &[PathBuf]) -> Option<DateTime<Utc>> {
    let changed = |path: &PathBuf| -> Option<SystemTime> { fs::metadata(path).ok()?.modified().ok() };
    paths.iter().filter_map(changed).max().map(Into::into)
}

/// How the last link ended, told from what the run before left behind.
fn previous(before: State, boot_id: Option<&str>, last_sign: DateTime<Utc>) -> Option<PreviousLink> {
    let rebooted = boot_id.is_some() && before.boot_id.as_deref() != boot_id;
    match (before.link, before.previous) {
        (LinkState::Connected { .. }, _) => {
            let reason = if rebooted { DisconnectReason::Rebooted } else { DisconnectReason::AgentCrashed };
            Some(PreviousLink { ended_at: last_sign, reason })
        }
        (_, Some(PreviousLink { ended_at, reason: DisconnectReason::AgentStopped })) if rebooted => {
            Some(PreviousLink { ended_at, reason: DisconnectReason::Rebooted })
        }
        (_, ended) => ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder(folder: &Path) -> Recorder {
        Recorder::take_over(&Paths::under(folder), false)
    }

    fn reason(recorder: &Recorder) -> Option<DisconnectReason> {
        recorder.previous().map(|previous| previous.reason)
    }

    #[test]
    fn the_first_run_knows_of_no_link_before() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(reason(&recorder(folder.path())), None);
        assert_eq!(reason(&recorder(folder.path())), None, "nor does one after a run that never connected");
    }

    #[test]
    fn a_stop_a_crash_and_a_reboot_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        recorder(folder.path()).connected(LinkKind::Socket);
        assert_eq!(reason(&recorder(folder.path())), Some(DisconnectReason::AgentCrashed));

        let second = recorder(folder.path());
        second.connected(LinkKind::Socket);
        second.stopped();
        assert_eq!(reason(&recorder(folder.path())), Some(DisconnectReason::AgentStopped));

        let paths = Paths::under(folder.path());
        let state = State::load(&paths).unwrap();
        for link in [LinkState::Stopped, LinkState::Connected { kind: LinkKind::Socket }] {
            let other_boot = State { boot_id: Some("another".to_owned()), link, ..state.clone() };
            let told = previous(other_boot, Some("this"), Utc::now());
            assert_eq!(told.map(|told| told.reason), Some(DisconnectReason::Rebooted));
        }
    }

    #[test]
    fn the_reason_gets_as_exact_as_what_follows_tells() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = recorder(folder.path());
        recorder.connected(LinkKind::Socket);
        recorder.ended(DisconnectReason::ConnectionLost);
        let changing = recorder.previous_when_changing().map(|previous| previous.reason);
        assert_eq!(changing, Some(DisconnectReason::LinkChanged));
        recorder.still_down("no route", true);
        assert_eq!(reason(&recorder), Some(DisconnectReason::NetworkUnreachable));

        recorder.connected(LinkKind::Polling);
        recorder.ended(DisconnectReason::ServerStopped);
        recorder.still_down("refused", true);
        assert_eq!(reason(&recorder), Some(DisconnectReason::ServerStopped), "the server's own word stays");
        assert_eq!(recorder.previous_when_changing(), recorder.previous());
    }

    #[test]
    fn a_link_that_ended_before_a_crash_keeps_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let first = recorder(folder.path());
        first.connected(LinkKind::Socket);
        first.ended(DisconnectReason::ServerStopped);
        first.still_down("refused", true);
        assert_eq!(reason(&recorder(folder.path())), Some(DisconnectReason::ServerStopped));
    }
}
