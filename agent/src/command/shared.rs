//! Commands in the hands of several tasks: the link brings orders and takes what is to be told, the worker does what is
//! its turn. Everything is on the disk before it is said or done.

use super::{
    chain::{self, Draft},
    clock::TrustedClock,
    effect,
    journal::{Journal, Kept, Phase},
    judge::{Genuine, Refused, Situation, judge},
    limit,
    standing::Standing,
    tell::Outbox,
};
use crate::{
    device_lock,
    error_report::{self, ErrorKind},
    event::Events,
    paths::Paths,
    update::Updates,
};
use chrono::{DateTime, Utc};
use entity::{
    command::{CommandResult, Envelope},
    id::{CommandId, DeviceId},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use tokio::sync::{Notify, watch};

/// Most entries of the record that wait for room on the disk.
const UNRECORDED_MAX: usize = 256;

/// What commands need.
pub struct Setting {
    /// Where everything is kept.
    pub paths: Paths,
    /// This device.
    pub device_id: DeviceId,
    /// The root that registration gave.
    pub root: Option<[u8; 32]>,
    /// Where notes go.
    pub events: Events,
    /// Told of every event.
    pub work: Arc<Notify>,
    /// Told to look at services, software and facts.
    pub look: Arc<Notify>,
    /// Told to ask for a newer version.
    pub updates: Updates,
}

/// All that is known of commands.
#[derive(Clone)]
pub struct Commands(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) setting: Setting,
    state: Mutex<State>,
    /// Something can begin.
    pub(super) turn: Notify,
    /// Something is to be told.
    pub(super) told: Notify,
    /// True while one of those that take a while is under way.
    pub(super) under_way: watch::Sender<bool>,
}

pub(super) struct State {
    pub(super) clock: TrustedClock,
    /// Absent: it cannot be read, and without it nothing is done.
    pub(super) journal: Option<Journal>,
    pub(super) standing: Standing,
    pub(super) queue: VecDeque<CommandId>,
    pub(super) outbox: Outbox,
    /// Results for which the disk had no room.
    pub(super) loose: BTreeMap<CommandId, CommandResult>,
    /// Entries of the record for which the disk had no room.
    pub(super) unrecorded: Vec<Draft>,
    /// Those of which the record says that they begin, and which have not begun.
    pub(super) announced: BTreeSet<CommandId>,
    /// The agent is about to make room for another version: nothing that takes a while begins.
    pub(super) is_held: bool,
    /// Since when what nobody known has signed is counted, and how often it came.
    pub(super) strangers: (Option<Instant>, u32),
}

/// How long the machine is up, in seconds, with sleep.
pub(super) fn uptime() -> u64 {
    sysinfo::System::uptime().unwrap_or_default()
}

impl Commands {
    /// Opens what is there from before; what was begun and not ended is found interrupted.
    #[must_use]
    pub fn open(setting: Setting) -> Self {
        let paths = &setting.paths;
        let standing = Standing::load(paths);
        limit::set(&standing.limits);
        let opened = Journal::open(paths.folder().join("commands"));
        let journal = opened
            .inspect_err(|error| {
                let message = "the commands of this device cannot be read: none is done";
                error_report::note(
                    ErrorKind::Other,
                    message,
                    serde_json::json!({ "error": error.to_string() }),
                );
            })
            .ok();
        let floor = super::floor::load(paths);
        let latest = journal.as_ref().and_then(Journal::latest).unwrap_or(floor);
        let state = State {
            clock: TrustedClock::new(floor.max(latest)),
            journal,
            standing,
            queue: VecDeque::new(),
            outbox: Outbox::load(paths),
            loose: BTreeMap::new(),
            unrecorded: Vec::new(),
            announced: BTreeSet::new(),
            is_held: false,
            strangers: (None, 0),
        };
        let shared = Shared {
            setting,
            state: Mutex::new(state),
            turn: Notify::new(),
            told: Notify::new(),
            under_way: watch::Sender::new(false),
        };
        let commands = Self(Arc::new(shared));
        commands.recover();
        commands
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn paths(&self) -> &Paths {
        &self.0.setting.paths
    }

    /// The server has told its time: what waits can begin, and what it may not know is told anew.
    pub fn welcomed(&self, server_time: DateTime<Utc>) {
        let mut state = self.state();
        state.clock.server_says(server_time, uptime());
        state.tell_anew();
        drop(state);
        self.0.turn.notify_one();
        self.0.told.notify_one();
    }

    /// What was said shortly before may not have been stored.
    pub fn say_anew(&self) {
        self.state().tell_anew();
        self.0.told.notify_one();
    }

    /// The server's clock alone.
    pub fn server_says(&self, server_time: DateTime<Utc>) {
        self.state().clock.server_says(server_time, uptime());
        self.0.turn.notify_one();
    }

    /// From here on nothing begins that takes a while; it waits on the disk.
    pub fn hold(&self) {
        self.state().is_held = true;
    }

    /// What waits may begin again.
    pub fn release(&self) {
        let mut state = self.state();
        if std::mem::replace(&mut state.is_held, false) {
            drop(state);
            self.0.turn.notify_one();
        }
    }

    /// Done when nothing is under way.
    pub async fn quiet(&self) {
        // Its sender lives as long as this does.
        let _ = self.0.under_way.subscribe().wait_for(|is_under_way| !is_under_way).await;
    }

    /// May this be done now?
    pub(super) fn judge(&self, state: &State, envelope: &Envelope) -> Result<Genuine, Refused> {
        let paths = self.paths();
        let situation = Situation {
            root: self.0.setting.root,
            device_id: self.0.setting.device_id,
            is_stopped: &|business_id| state.standing.stops.is_stopped(business_id),
            mode: state.standing.mode.mode,
            lock: &|kind, argument| device_lock::decide(paths, kind, argument),
            can: &effect::can,
            now: state.clock.now(uptime()),
        };
        judge(envelope, &situation)
    }

    /// Writes into the record. What cannot be written waits, so that its order stays; false: something waits.
    pub(super) fn record(&self, state: &mut State, drafts: impl IntoIterator<Item = Draft>) -> bool {
        state.unrecorded.extend(drafts);
        match chain::append(self.paths(), state.unrecorded.iter().cloned()) {
            Ok(_) => state.unrecorded.clear(),
            Err(error) => {
                // What is left out beyond that is missing in the record when this agent ends, and found then.
                state.unrecorded.truncate(UNRECORDED_MAX);
                disk_trouble("the record of commands cannot be written", &error);
            }
        }
        state.unrecorded.is_empty()
    }

    pub(super) fn make_room(&self, state: &mut State) {
        if !state.clock.is_set() {
            return;
        }
        let now = state.clock.now(uptime());
        let (Some(journal), paths) = (&mut state.journal, self.paths()) else { return };
        let clock = &mut state.clock;
        let forgotten = journal.forget(now, |latest| {
            clock.is_at_least(latest);
            super::floor::keep(paths, clock.floor())
        });
        if let Err(error) = forgotten {
            disk_trouble("commands that are over cannot be forgotten", &error);
        }
    }
}

impl State {
    /// Was it told before? Then what is known is told again, and nothing else happens.
    pub(super) fn is_known(&mut self, id: CommandId) -> bool {
        let Some(journal) = &self.journal else { return false };
        let Some(Kept { received, phase }) = journal.look(id) else { return false };
        match phase {
            Phase::Received => self.outbox.say_receipt(id, &received.order_sha256, false),
            _ if self.loose.contains_key(&id) => self.outbox.say_result(id),
            Phase::Started { .. } => self.outbox.say_receipt(id, &received.order_sha256, true),
            Phase::Done | Phase::Over => self.outbox.say_result(id),
        }
        true
    }

    pub(super) fn known_sha(&self, id: CommandId) -> String {
        let kept = self.journal.as_ref().and_then(|journal| journal.look(id));
        kept.map(|kept| kept.received.order_sha256.clone()).unwrap_or_default()
    }

    /// What the server may not know.
    fn tell_anew(&mut self) {
        self.outbox.forget();
        let Some(journal) = &self.journal else { return };
        for (id, kept) in journal.all() {
            let sha = &kept.received.order_sha256;
            match kept.phase {
                Phase::Received => self.outbox.say_receipt(id, sha, false),
                Phase::Started { .. } => self.outbox.say_receipt(id, sha, true),
                Phase::Done => self.outbox.say_result(id),
                Phase::Over => {}
            }
        }
        self.loose.keys().for_each(|id| self.outbox.say_result(*id));
    }
}

pub(super) fn disk_trouble(what: &str, error: &io::Error) {
    error_report::note(ErrorKind::DiskFull, what, serde_json::json!({ "error": error.to_string() }));
}
