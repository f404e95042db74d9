//! The brain of the supervisor: what the agent says and does goes in, what is to be done comes out. It decides, verifies
//! and remembers; it starts no process, reads no clock and has no network, so that a simulated disk and a simulated agent
//! can take it through a year in a second.

mod begin;
mod change;
mod heal;
mod offer;
mod order;
pub(crate) mod own;
mod said;
mod tick;
mod trial;

/// What the records are called.
pub mod names {
    /// What runs.
    pub const POINTER: &str = "pointer";
    /// How far an update has come.
    pub const JOURNAL: &str = "journal";
    /// What is believed.
    pub const TRUST: &str = "trust";
    /// What became of the supervisor's own update.
    pub const OWN: &str = "own";
    /// What does not come up any more.
    pub const HEAL: &str = "heal";
}

pub use begin::Start;
pub use order::{Launch, Next, Now, Order, Outcome, Purpose};

use crate::{
    channel::ToAgent,
    denied::Denied,
    fs::Fs,
    gate::{Gate, Spent},
    machine::{Action, Event, Stage, WRITES_MAX},
    record::{
        Record,
        heal::Heal,
        journal::{Journal, STEPS, Update},
        memory::Memory,
        pointer::{Place, Pointer},
    },
    recover::Facts,
    slot::{self, Build, Home},
    terms::Terms,
    trust::Trust,
    watch::Watch,
};
use entity::{
    id::DeviceId,
    release::{Reason, Sha256Hex},
    update::{LOG_LINE_MAX, LOG_LINES_MAX, Running, UpdateStatus},
};
use std::{collections::VecDeque, path::PathBuf};

/// Longest detail of a report, in characters.
const DETAIL_MAX: usize = 1_000;

/// The brain, over a disk.
#[derive(Debug)]
pub struct Engine<F> {
    fs: F,
    home: Home,
    terms: Terms,
    /// What the package installed.
    installed: PathBuf,
    /// The sequence of that program; none when it is not there.
    installed_seq: Option<u64>,
    /// The digest of that program.
    installed_sha256: Option<Sha256Hex>,
    boot_id: Option<String>,
    pointer: Pointer,
    pointer_record: Record<Pointer>,
    journal: Journal,
    journal_record: Record<Journal>,
    trust: Trust,
    trust_record: Record<Memory>,
    denied: Denied,
    heal: Heal,
    heal_record: Record<Heal>,
    /// Why nothing is updated and no slot is run: others could have written into a folder.
    unsafe_why: Option<String>,
    /// Sequence of this supervisor.
    own_seq: u64,
    /// Its own update.
    renewal: own::Renewal,
    orders: Vec<Order>,
    /// For the next timestamp.
    question: Option<String>,
    agent: Agent,
    gate: Option<Gate>,
    watch: Watch,
    /// The last lines of the build on trial.
    lines: VecDeque<String>,
    /// What is to be put into error reports as soon as an agent is there.
    failures: Vec<(Reason, String, String)>,
    timers: Timers,
}

/// The process that runs, or the last one that did.
#[derive(Clone, Debug, Default)]
struct Agent {
    is_up: bool,
    /// It has said hello on its channel.
    is_connected: bool,
    /// It has asked for updates.
    has_come_up: bool,
    /// When it was started.
    since: u64,
    /// For its receipts.
    nonce: String,
    /// What it is by its file.
    running: Option<Running>,
    /// How often one ended because another one still ran.
    refusals: u32,
}

/// Moments of the clock that only goes forward.
#[derive(Clone, Debug, Default)]
struct Timers {
    /// The stage was entered.
    stage: u64,
    /// When to try again, in whichever way the stage tries.
    again: Option<u64>,
    /// Not before this.
    not_before: Option<u64>,
    /// Until when the grant is good without the server; none: not known since the supervisor was started.
    lease: Option<u64>,
    /// The program before ended.
    gap_began: Option<u64>,
    /// The agent ended last, or the supervisor was started.
    ended: u64,
    /// The last fresh timestamp, or the start of the supervisor.
    fresh: u64,
    /// Progress was passed on.
    progress: Option<u64>,
    /// The new program is being asked what it is; none while nobody asks.
    probe: Option<String>,
    /// The program before is being asked whether it reaches the server.
    control: Option<String>,
}

impl<F: Fs> Engine<F> {
    /// What is to be done now, in this order.
    pub fn orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    /// What the pointer says.
    #[must_use]
    pub const fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    /// How far the update has come, and what is to be said of it.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The terms in force.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The disk.
    #[must_use]
    pub const fn fs(&self) -> &F {
        &self.fs
    }

    /// Where everything lies.
    #[must_use]
    pub const fn home(&self) -> &Home {
        &self.home
    }

    /// The highest sequence that this device has had, from everything that remembers it.
    #[must_use]
    pub fn highest_seq(&self) -> u64 {
        let floors =
            [self.trust.memory.highest_seq, self.pointer.highest_seq, self.own_seq, self.seq_that_runs()];
        floors.into_iter().chain(self.installed_seq).max().unwrap_or(0)
    }

    /// True while it matters that looks follow each other closely.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.journal.active().is_some() || self.renewal.is_under_way()
    }

    fn seq_that_runs(&self) -> u64 {
        self.pointer.current.slot().map_or(self.installed_seq.unwrap_or(0), |build| build.seq)
    }

    fn stage(&self) -> Option<Stage> {
        self.journal.update.as_ref().map(|update| update.stage)
    }

    fn device(&self) -> Option<DeviceId> {
        /// The one field of the agent's configuration that matters here.
        #[derive(serde::Deserialize)]
        struct Configuration {
            device_id: DeviceId,
        }
        // The second name is what versions before 0.2 wrote; no version calls the field otherwise.
        ["config.json", "agent.json"].iter().find_map(|name| {
            let bytes = self.fs.read(&self.home.data().join(name), 1024 * 1024).ok()?;
            Some(serde_json::from_slice::<Configuration>(&bytes).ok()?.device_id)
        })
    }

    fn say(&mut self, line: impl Into<String>) {
        self.orders.push(Order::Say(line.into()));
    }

    fn send(&mut self, message: ToAgent) {
        if self.agent.is_connected {
            self.orders.push(Order::Send(Box::new(message)));
        }
    }

    /// What runs, as far as reports are concerned.
    fn running(&self) -> Running {
        self.agent.running.clone().unwrap_or_else(|| Running {
            version: self.pointer.current.slot().map(|build| build.version.clone()).unwrap_or_default(),
            seq: self.seq_that_runs(),
            build_id: self.pointer.current.slot().map(|build| build.build_id.clone()).unwrap_or_default(),
            sha256: self.pointer.current.sha256().cloned(),
            libc: crate::built::libc(),
            is_supervised: self.unsafe_why.is_none(),
        })
    }

    fn status(&self, update: &Update, now: Now) -> UpdateStatus {
        UpdateStatus {
            update_id: update.id,
            step: update.step,
            state: update.stage.state(),
            running: self.running(),
            seq: update.to.seq,
            reason: update.reason,
            detail: update.detail.chars().take(DETAIL_MAX).collect(),
            downloaded_bytes: None,
            gap_ms: update.gap_ms,
            log_lines: update.log_lines.clone(),
            at: now.wall,
        }
    }

    /// Goes to the next stage, writes it down, tells the server, does what the stage asks for. An event that does not
    /// belong to the stage changes nothing.
    fn advance(&mut self, event: Event, now: Now) {
        let Some(update) = self.journal.update.as_mut() else { return };
        let Some((stage, action)) = update.stage.on(event) else { return };
        let before = update.clone();
        update.stage = stage;
        update.writes = update.writes.saturating_add(1);
        update.step = (update.step / STEPS).saturating_add(1).saturating_mul(STEPS);
        // Between two restarts of the machine it is the same trial, whoever watches it. Where the system does not say
        // when it was restarted, every start of the supervisor is taken for that.
        let is_same_trial =
            before.stage == Stage::Trial && self.boot_id.is_some() && before.boot_id == self.boot_id;
        if stage == Stage::Trial && !is_same_trial {
            update.attempts = update.attempts.saturating_add(1);
            update.boot_id.clone_from(&self.boot_id);
            update.spent = Spent::default();
        }
        let (writes, update) = (update.writes, update.clone());
        // Of the way back the server hears when it is done; of a stage that is redone it has heard.
        let is_told = stage.state() != before.stage.state()
            && stage != Stage::RollingBack
            && event != Event::ResumeBefore;
        if is_told {
            let status = self.status(&update, now);
            self.journal.report(status);
        }
        if let Err(error) = self.journal_record.write(&self.fs, &self.journal) {
            self.say(format!("the journal could not be written: {error}"));
            match stage {
                // Nothing has been changed yet, and nothing will be.
                Stage::Downloading | Stage::Staged | Stage::Probed | Stage::Switching => {
                    return self.fail(Reason::FsFault, error.to_string(), now);
                }
                // What is not written down is not confirmed; the next look tries again.
                Stage::Confirmed => {
                    self.journal.update = Some(before);
                    return;
                }
                _ => {}
            }
        }
        self.timers = Timers {
            stage: now.mono_ms,
            again: None,
            progress: None,
            probe: None,
            control: None,
            ..std::mem::take(&mut self.timers)
        };
        if is_told {
            self.say(format!(
                "update to {} (sequence {}): {}",
                update.to.version,
                update.to.seq,
                update.stage.state().word()
            ));
            self.send_report(update.id);
        }
        if writes > WRITES_MAX && !stage.is_terminal() && stage != Stage::RollingBack {
            return self.fail(Reason::TooManySteps, format!("{writes} steps"), now);
        }
        if let Some(action) = action {
            self.act(action, now);
        }
    }

    fn act(&mut self, action: Action, now: Now) {
        match action {
            Action::Fetch => self.fetch(),
            Action::Probe => self.probe(now),
            Action::AskGo => self.ask_go(now),
            Action::Quiesce => self.quiesce(),
            Action::Watch => self.watch_trial(now),
            Action::Return => self.end_for_return(now),
            Action::Finish => self.finish(),
        }
    }

    /// The update comes to nothing, or has to be taken back.
    fn fail(&mut self, reason: Reason, detail: impl Into<String>, now: Now) {
        let Some(update) = self.journal.update.as_mut().filter(|update| !update.stage.is_terminal()) else {
            return;
        };
        // The first reason is the true one.
        if update.reason.is_none() {
            update.reason = Some(reason);
            update.detail = detail.into().chars().take(DETAIL_MAX).collect();
        }
        let (update, is_before) =
            (update.clone(), !matches!(update.stage, Stage::Trial | Stage::RollingBack));
        self.say(format!("update to {}: {}: {}", update.to.version, reason.word(), update.detail));
        self.failures.push((reason, update.detail.clone(), update.to.version.clone()));
        if is_before && blames_the_build(reason) {
            self.deny(&update, false, now);
        }
        // A program that is about to be ended would not pass it on.
        if is_before {
            self.tell_failures();
        }
        self.advance(Event::Fail, now);
    }

    fn deny(&mut self, update: &Update, is_rolled_back: bool, now: Now) {
        let time = self.trusted_now(now);
        self.denied.fail(&update.to.sha256, update.id, is_rolled_back, time, &self.terms);
        self.write_denied();
    }

    fn write_denied(&mut self) {
        if let Err(error) = self.denied.write(&self.fs, &self.home.state()) {
            self.say(format!("the denied builds could not be written: {error}"));
        }
    }

    /// The time as it was signed last, and what has passed since.
    fn trusted_now(&self, now: Now) -> chrono::DateTime<chrono::Utc> {
        let floor = self.trust.time_floor();
        let passed = i64::try_from(now.mono_ms.saturating_sub(self.timers.fresh)).unwrap_or(0);
        chrono::Duration::try_milliseconds(passed)
            .and_then(|passed| floor.checked_add_signed(passed))
            .unwrap_or(floor)
    }

    /// Tidies up after an end: only what runs and what is kept stays.
    fn finish(&mut self) {
        self.gate = None;
        let keep: Vec<Build> = [Some(&self.pointer.current), self.pointer.kept.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(Place::slot)
            .cloned()
            .collect();
        slot::sweep(&self.fs, &self.home, &keep.iter().collect::<Vec<_>>(), None);
    }

    fn remember(&mut self) {
        if let Err(error) = self.trust_record.write(&self.fs, &self.trust.memory) {
            self.say(format!("what is trusted could not be written: {error}"));
        }
    }

    /// The pointer as it should be, from what verifies now.
    fn choose(&self, pointer: Option<&Pointer>, now: Now) -> Pointer {
        self.with_facts(pointer, self.trusted_now(now), |facts| facts.choose())
    }

    /// Asks something of what is on the disk.
    fn with_facts<T>(
        &self,
        pointer: Option<&Pointer>,
        time: chrono::DateTime<chrono::Utc>,
        ask: impl FnOnce(&Facts<'_>) -> T,
    ) -> T {
        // The pointer knows its builds even when what lies beside them does not.
        let named = pointer.into_iter().flat_map(|pointer| [Some(&pointer.current), pointer.kept.as_ref()]);
        let mut builds: Vec<Build> = named.flatten().filter_map(Place::slot).cloned().collect();
        builds.extend(slot::list(&self.fs, &self.home));
        let slots: Vec<_> = builds
            .into_iter()
            .filter(|build| slot::verifies(&self.fs, &self.home, build))
            .map(|build| {
                let is_proven = slot::is_proven(&self.fs, &self.home, &build);
                (build, is_proven)
            })
            .collect();
        let active = self.journal.active();
        // A build on trial may have failed here before: it is being given another try.
        let on_trial =
            active.filter(|update| update.stage == Stage::Trial).map(|update| update.to.sha256.clone());
        let is_bad = |sha256: &Sha256Hex| on_trial.as_ref() != Some(sha256) && self.denied.is_bad(sha256);
        let is_changing =
            |update: &&Update| matches!(update.stage, Stage::Switching | Stage::Trial | Stage::RollingBack);
        ask(&Facts {
            pointer,
            before: active.filter(is_changing).map(|update| &update.from),
            installed: self.installed_seq,
            slots: &slots,
            is_bad: &is_bad,
            is_stalled: &|place| self.is_stalled(place, time),
            min_secure: self.trust.memory.min_secure,
        })
    }

    /// Writes the pointer; what the disk says afterwards counts, whatever went wrong.
    fn point(&mut self, pointer: Pointer) -> bool {
        match self.pointer_record.write(&self.fs, &pointer) {
            Ok(()) => {
                self.pointer = pointer;
                true
            }
            Err(error) => {
                self.say(format!("the pointer could not be written: {error}"));
                let (record, read) = Record::<Pointer>::open(&self.fs, &self.home.state(), names::POINTER);
                self.pointer_record = record;
                let is_done = read.value.as_ref() == Some(&pointer);
                if is_done {
                    self.pointer = pointer;
                }
                is_done
            }
        }
    }

    /// A line that the build on trial wrote to its standard error, for the report should it fail.
    pub fn heard(&mut self, line: &str) {
        if self.lines.len() >= LOG_LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line.chars().take(LOG_LINE_MAX).collect());
    }
}

/// True when trying the same file again is of little use. A disk that is full and a network that is slow are not its
/// fault.
const fn blames_the_build(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::SizeMismatch
            | Reason::HashMismatch
            | Reason::WrongFormat
            | Reason::ProbeFailed
            | Reason::HelloMismatch
            | Reason::HelloMissing
            | Reason::Crashed
            | Reason::Hung
            | Reason::CannotReachServer
            | Reason::CollectsNothing
            | Reason::TooMuchMemory
    )
}
