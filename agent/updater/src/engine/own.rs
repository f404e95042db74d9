//! The supervisor's own update. It comes with the release whose agent was confirmed here, so that it goes no faster than
//! that: fetched by the agent, read whole and compared with what was signed, put beside this program, asked what it is,
//! and put in this program's place, which is kept as `.old`. The service manager then starts it; it confirms itself when an
//! agent has spoken to it for a while, and puts the one before back when it was started too often without getting there; see
//! [`crate::restore`] for one that cannot even do that.

use super::{Engine, Now, Order, Outcome, Purpose, names, order};
use crate::{
    built::{self, Built},
    channel::ToAgent,
    fs::{Fs, inspect},
    machine::Stage,
    patience::is_held,
    probe::{Judged, judge},
    record::{
        Record,
        own::{Own, OwnStage},
    },
    slot::Build,
};
use entity::release::{ArtifactKind, Manifest, Reason, Sha256Hex};
use std::{
    io,
    path::{Path, PathBuf},
};

/// It is read into memory as a whole; a supervisor is a hundredth of this.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// One that was cut off is tried so often.
const TRIES_MAX: u32 = 3;
/// The new one is started so often before the one before is put back.
pub(crate) const STARTS_MAX: u32 = 3;

/// What the supervisor knows of itself.
#[derive(Debug)]
pub(super) struct Renewal {
    /// What this program is.
    built: Built,
    /// Where it lies; none when the system does not say.
    program: Option<PathBuf>,
    record: Record<Own>,
    /// What became of the last one.
    last: Option<Own>,
    step: Step,
    /// When this program began, and the agent had last ended since.
    since: u64,
}

/// How far the next one has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing is under way.
    Rest,
    /// The agent fetches it.
    Fetching { to: Build, since: u64, again: Option<u64> },
    /// It lies beside this program and is being asked what it is.
    Asking { to: Build },
    /// It is good, and the agent puts everything away.
    Quieting { to: Build, since: u64 },
    /// This program is about to end, so that the one in its place is started.
    Leaving,
    /// It cannot be done for as long as this program runs.
    GivenUp,
}

impl Renewal {
    pub(super) const fn new(
        built: Built,
        program: Option<PathBuf>,
        record: Record<Own>,
        last: Option<Own>,
        since: u64,
    ) -> Self {
        Self { built, program, record, last, step: Step::Rest, since }
    }

    /// Something is under way.
    pub(super) const fn is_under_way(&self) -> bool {
        !matches!(self.step, Step::Rest | Step::GivenUp)
    }

    /// The agent ended: the time in which all was well begins anew.
    pub(super) const fn agent_ended(&mut self, now: Now) {
        self.since = now.mono_ms;
    }

    fn is_on_trial(&self) -> bool {
        let is_it = |last: &Own| last.stage == OwnStage::Placed && last.to.is(&built::running(&self.built));
        self.last.as_ref().is_some_and(is_it)
    }
}

/// The artifact of a release for this supervisor, when it is newer.
pub(super) fn supervisor_of(manifest: &Manifest, own_seq: u64) -> Option<Build> {
    let (os, arch) = built::platform();
    let artifact = manifest.artifact(ArtifactKind::Supervisor, os, arch, built::libc())?;
    let is_wanted = manifest.seq > own_seq
        && artifact.size_bytes <= BYTES_MAX
        && !manifest.revoked.contains(&artifact.sha256);
    is_wanted.then(|| Build::of(manifest, artifact))
}

pub(crate) fn beside(program: &Path, end: &str) -> PathBuf {
    let mut name = program.file_name().unwrap_or_default().to_owned();
    name.push(end);
    program.with_file_name(name)
}

pub(crate) fn folder_of(program: &Path) -> &Path {
    program.parent().unwrap_or(program)
}

/// A running program of Windows gives its name up only by being renamed.
pub(crate) fn put_in_place(fs: &impl Fs, from: &Path, program: &Path) -> io::Result<()> {
    if cfg!(windows) && fs.inspect(program).is_ok() {
        fs.set_aside(program, &beside(program, ".bad"))?;
    }
    fs.rename(from, program)?;
    fs.sync_folder(folder_of(program))
}

impl<F: Fs> Engine<F> {
    /// What became of the last supervisor that was to take this one's place.
    #[must_use]
    pub const fn own_update(&self) -> Option<&Own> {
        self.renewal.last.as_ref()
    }

    /// The start of this program: a new one counts it before it does anything else.
    pub(super) fn take_up_own(&mut self) {
        self.look_at_folders();
        let (Some(last), None) = (self.renewal.last.clone(), &self.unsafe_why) else { return };
        if last.stage != OwnStage::Placed {
            // What somebody held, or what still ran, when it was to be removed.
            return self.clear_beside(&[".new", ".old", ".bad"]);
        }
        if !self.renewal.is_on_trial() {
            // It never had the place, or it was started and put this one back.
            let starts = last.starts.max(last.watched);
            let (stage, reason) = match starts {
                0 if last.tries < TRIES_MAX => (OwnStage::CutOff, None),
                0 => (OwnStage::Failed, Some(Reason::FsFault)),
                _ => (OwnStage::Restored, Some(Reason::Crashed)),
            };
            let detail = format!("put in place {} times, started {starts} times", last.tries);
            self.write_own(Own { stage, reason, detail: detail.clone(), ..last.clone() });
            // This program runs, so nothing beside it is needed.
            self.clear_beside(&[".new", ".old", ".bad"]);
            if let Some(reason) = reason {
                self.report_own(&last.to, reason, &detail);
            }
            return;
        }
        let starts = last.starts.saturating_add(1);
        self.write_own(Own { starts, ..last });
        if starts > STARTS_MAX {
            return self.put_own_back();
        }
        self.say(format!("this supervisor is new here: start {starts} of at most {STARTS_MAX}"));
    }

    /// The one before writes down that it is back, and says so.
    fn put_own_back(&mut self) {
        let (Some(program), Some(last)) = (self.renewal.program.clone(), self.renewal.last.clone()) else {
            return;
        };
        let old = beside(&program, ".old");
        let is_it = self.fs.inspect(&old).is_ok_and(|file| file.sha256 == last.from);
        if !is_it {
            // There is nothing to go back to: what runs is the best there is.
            self.say("the supervisor before is not there any more: this one stays");
            return self.confirm_own();
        }
        match put_in_place(&self.fs, &old, &program) {
            Ok(()) => {
                self.say("the supervisor before is put back");
                self.leave();
            }
            Err(error) => self.say(format!("the supervisor before could not be put back: {error}")),
        }
    }

    fn leave(&mut self) {
        self.renewal.step = Step::Leaving;
        self.orders.push(Order::Leave);
    }

    fn write_own(&mut self, own: Own) {
        let written = self.renewal.record.write(&self.fs, &own);
        self.renewal.last = Some(own);
        if let Err(error) = written {
            self.say(format!("{} could not be written: {error}", names::OWN));
        }
    }

    /// Looks whether the release that was confirmed brings a newer supervisor, and has it fetched.
    pub(super) fn begin_own(&mut self, now: Now) {
        let is_free = self.renewal.step == Step::Rest
            && self.agent.is_connected
            && self.journal.active().is_none()
            && self.unsafe_why.is_none()
            && !self.renewal.is_on_trial();
        let (true, Some(to), Some(program)) =
            (is_free, self.wanted_supervisor(), self.renewal.program.clone())
        else {
            return;
        };
        // Where others can write anything may lie tomorrow, and where this program cannot, the package brings the next.
        let folder = folder_of(&program);
        let why = match self.fs.openness(folder) {
            Ok(why) => why,
            Err(error) => Some(error.to_string()),
        };
        let new = beside(&program, ".new");
        let written = if why.is_none() { self.fs.write_synced(&new, b"") } else { Ok(()) };
        let _ = self.fs.remove(&new);
        if written.as_ref().is_err_and(is_held) {
            // The next hello of an agent tries again.
            return self.say(format!("{} is held by another program", new.display()));
        }
        let why = why.or_else(|| written.err().map(|error| error.to_string()));
        if let Some(why) = why {
            self.renewal.step = Step::GivenUp;
            return self.say(format!("this supervisor is left to its package: {}: {why}", folder.display()));
        }
        self.say(format!("supervisor {} (sequence {}) is wanted", to.version, to.seq));
        self.send(ToAgent::Fetch { sha256: to.sha256.clone(), size_bytes: to.size_bytes });
        self.renewal.step = Step::Fetching { to, since: now.mono_ms, again: None };
    }

    /// That of the release whose agent runs and was confirmed, unless it was tried before.
    fn wanted_supervisor(&self) -> Option<Build> {
        let confirmed = self.journal.update.iter().chain(self.journal.confirmed.iter());
        let update = confirmed
            .filter(|update| update.stage == Stage::Confirmed)
            .find(|update| Some(&update.to) == self.pointer.current.slot())?;
        let to = update.supervisor.clone().filter(|to| to.seq > self.own_seq)?;
        let is_tried = |last: &Own| {
            last.to.sha256 == to.sha256 && (last.stage != OwnStage::CutOff || last.tries >= TRIES_MAX)
        };
        let is_revoked = self.denied.revoked.contains(&to.sha256);
        (!is_revoked && !self.renewal.last.as_ref().is_some_and(is_tried)).then_some(to)
    }

    /// True when this is the supervisor that is being fetched.
    pub(super) fn is_fetching_own(&self, sha256: &Sha256Hex) -> bool {
        matches!(&self.renewal.step, Step::Fetching { to, .. } if to.sha256 == *sha256)
    }

    pub(super) fn own_not_fetched(&mut self, reason: Reason, detail: &str, now: Now) {
        let every = self.terms.download_every_ms;
        let Step::Fetching { to, again, .. } = &mut self.renewal.step else { return };
        if matches!(reason, Reason::DownloadFailed) {
            *again = Some(now.mono_ms.saturating_add(every));
        } else {
            let to = to.clone();
            self.fail_own(&to, reason, detail);
        }
    }

    /// Whoever fetched it has ended.
    pub(super) fn fetch_own_again(&mut self) {
        let Step::Fetching { to, again, .. } = &mut self.renewal.step else { return };
        *again = None;
        let (sha256, size_bytes) = (to.sha256.clone(), to.size_bytes);
        self.send(ToAgent::Fetch { sha256, size_bytes });
    }

    /// It lies in staging. Read once: what is compared is what is written beside this program.
    pub(super) fn own_fetched(&mut self) {
        let Step::Fetching { to, .. } = self.renewal.step.clone() else { return };
        let Some(program) = self.renewal.program.clone() else { return };
        let part = self.home.part(&to.sha256);
        let read = self.fs.read(&part, to.size_bytes);
        let _ = self.fs.remove(&part);
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => return self.give_up_own(&to, Reason::FsFault, &error.to_string()),
        };
        let compared = inspect(&bytes[..])
            .map_err(|error| (Reason::FsFault, error.to_string()))
            .and_then(|file| self.compare(&to, &file));
        if let Err((reason, detail)) = compared {
            return self.fail_own(&to, reason, &detail);
        }
        let new = beside(&program, ".new");
        let written = self
            .fs
            .write_synced(&new, &bytes)
            .and_then(|()| self.fs.seal(&new))
            .and_then(|()| self.fs.sync_folder(folder_of(&program)));
        if let Err(error) = written {
            return self.give_up_own(&to, Reason::FsFault, &error.to_string());
        }
        self.renewal.step = Step::Asking { to };
        let (nonce, purpose) = (order::nonce(), Purpose::Supervisor);
        self.orders.push(Order::Probe { program: new, nonce, purpose });
    }

    /// The new supervisor has said what it is, or not.
    pub(super) fn own_probed(&mut self, outcome: &Outcome, now: Now) {
        let Step::Asking { to } = self.renewal.step.clone() else { return };
        // A supervisor writes neither configuration nor spool.
        let mut build = to.clone();
        if let Some(answer) = &outcome.answer {
            (build.config_schema, build.spool_schema) = (answer.config_schema, answer.spool_schema);
        }
        match judge(&build, outcome) {
            Judged::Bad(reason, detail) => self.fail_own(&to, reason, &detail),
            Judged::Good => {
                self.renewal.step = Step::Quieting { to, since: now.mono_ms };
                // The agent ends with this program, and may be in the middle of a command.
                self.send(ToAgent::Quiesce);
            }
        }
    }

    /// The agent has put everything away, or had its time for it.
    pub(super) fn own_quiet(&mut self) {
        let Step::Quieting { to, .. } = self.renewal.step.clone() else { return };
        match self.place_own(&to) {
            Ok(()) => {
                self.say(format!("supervisor {} is in place: this one makes room", to.version));
                self.leave();
            }
            Err(error) => self.give_up_own(&to, Reason::FsFault, &error.to_string()),
        }
    }

    /// Everything that can fail without a trace is done; from here on it is written down first.
    fn place_own(&mut self, to: &Build) -> io::Result<()> {
        let Some(program) = self.renewal.program.clone() else { return Err(io::ErrorKind::NotFound.into()) };
        let (new, old) = (beside(&program, ".new"), beside(&program, ".old"));
        let here = self.fs.inspect(&program)?;
        if here.stamp.as_ref().map(|stamp| stamp.seq) != Some(self.own_seq) {
            return Err(io::Error::other("another supervisor than this one lies there already"));
        }
        if !self.fs.inspect(&new).is_ok_and(|file| to.is_file(&file)) {
            return Err(io::Error::other("the file changed after it was looked at"));
        }
        let before = self.renewal.last.as_ref().filter(|last| last.to.sha256 == to.sha256);
        let own = Own {
            stage: OwnStage::Placed,
            to: to.clone(),
            from: here.sha256,
            tries: before.map_or(0, |last| last.tries).saturating_add(1),
            starts: 0,
            watched: 0,
            reason: None,
            detail: String::new(),
        };
        // Where no name can be taken over in one step there is a moment without a supervisor: it is not begun while somebody
        // holds what ends it.
        self.fs.let_go(&new)?;
        self.renewal.record.write(&self.fs, &own)?;
        self.renewal.last = Some(own);
        let placed = self
            .fs
            .set_aside(&program, &old)
            .and_then(|()| self.fs.sync_folder(folder_of(&program)))
            .and_then(|()| self.fs.rename(&new, &program))
            .and_then(|()| self.fs.sync_folder(folder_of(&program)));
        match (placed, self.fs.inspect(&program)) {
            // What the disk says counts, whatever went wrong on the way.
            (_, Ok(file)) if to.is_file(&file) => Ok(()),
            (Ok(()), _) => Err(io::Error::other("something else is in its place")),
            (Err(error), Ok(_)) => Err(error),
            (Err(error), Err(_)) => self.fs.rename(&old, &program).and(Err(error)),
        }
    }

    /// Nobody's fault: the next start of this program tries again.
    fn give_up_own(&mut self, to: &Build, reason: Reason, detail: &str) {
        self.renewal.step = Step::GivenUp;
        self.clear_beside(&[".new"]);
        self.report_own(to, reason, detail);
    }

    /// What cannot be removed now is removed at the next start.
    fn clear_beside(&self, ends: &[&str]) {
        let Some(program) = &self.renewal.program else { return };
        for end in ends {
            let _ = self.fs.remove(&beside(program, end));
        }
    }

    /// It is not what it should be, and is not tried again.
    fn fail_own(&mut self, to: &Build, reason: Reason, detail: &str) {
        self.renewal.step = Step::Rest;
        self.clear_beside(&[".new"]);
        let last = self.renewal.last.as_ref().filter(|last| last.to.sha256 == to.sha256);
        let own = Own {
            stage: OwnStage::Failed,
            to: to.clone(),
            from: last.map_or_else(|| Sha256Hex::of(b""), |last| last.from.clone()),
            tries: last.map_or(1, |last| last.tries),
            starts: 0,
            watched: 0,
            reason: Some(reason),
            detail: detail.to_owned(),
        };
        self.write_own(own);
        self.report_own(to, reason, detail);
    }

    fn report_own(&mut self, to: &Build, reason: Reason, detail: &str) {
        self.say(format!("supervisor {}: {}: {detail}", to.version, reason.word()));
        // The agent knows by the first word what this is about.
        self.failures.push((reason, format!("supervisor: {detail}"), to.version.clone()));
        self.tell_failures();
    }

    fn confirm_own(&mut self) {
        let Some(last) = self.renewal.last.clone() else { return };
        let own = Own { stage: OwnStage::Confirmed, ..last };
        if let Err(error) = self.renewal.record.write(&self.fs, &own) {
            return self.say(format!("it could not be written down that this supervisor stays: {error}"));
        }
        self.say(format!("supervisor {} stays", own.to.version));
        self.renewal.last = Some(own);
        // Only now nothing needs the one before.
        self.clear_beside(&[".old", ".bad"]);
    }

    pub(super) fn tick_own(&mut self, now: Now) {
        if self.renewal.is_on_trial() {
            let is_well = self.agent.is_connected
                && now.mono_ms.saturating_sub(self.renewal.since) >= self.terms.own_alive_ms;
            if is_well && self.renewal.step == Step::Rest {
                self.confirm_own();
            }
            return;
        }
        let age = |since: u64| now.mono_ms.saturating_sub(since);
        match self.renewal.step.clone() {
            Step::Fetching { to, since, .. } if age(since) > self.terms.download_max_ms => {
                self.give_up_own(&to, Reason::DownloadFailed, "the time for the download is over");
            }
            Step::Fetching { again: Some(at), .. } if now.mono_ms >= at => self.fetch_own_again(),
            Step::Quieting { since, .. } if age(since) > self.terms.quiesce_ms => self.own_quiet(),
            _ => {}
        }
    }
}
