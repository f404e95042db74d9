//! The start of the supervisor: reads what is there, decides what runs, and takes up an update where it was left.

use super::{
    Agent, Engine, Now, Timers,
    names::{HEAL, JOURNAL, OWN, POINTER, TRUST},
    own::Renewal,
};
use crate::{
    built::{self, Built},
    denied::Denied,
    fs::Fs,
    machine::{Event, Stage},
    record::{Record, heal::Heal, journal::Journal, memory::Memory, own::Own, pointer::Pointer},
    slot::{self, Home},
    terms::Terms,
    trust::Trust,
    watch::Watch,
};
use entity::release::Reason;
use std::{collections::VecDeque, io, path::PathBuf};

/// What a supervisor starts with.
#[derive(Clone, Debug)]
pub struct Start {
    /// Where everything lies.
    pub home: Home,
    /// How long things may take.
    pub terms: Terms,
    /// What the package installed.
    pub installed: PathBuf,
    /// The stamp of the supervisor itself.
    pub own: Built,
    /// Where it lies; none when the system does not say, and then it is not updated itself.
    pub program: Option<PathBuf>,
    /// Between which restarts of the machine this is; none where the system does not say.
    pub boot_id: Option<String>,
}

impl Start {
    /// This supervisor, over this data directory.
    #[must_use]
    pub fn usual(home: Home, terms: Terms, installed: PathBuf) -> Self {
        let (own, program) = (built::of_this(), std::env::current_exe().ok());
        Self { home, terms, installed, own, program, boot_id: boot_id() }
    }
}

impl<F: Fs> Engine<F> {
    /// Reads what is there and takes it up. Damage to any of it is no reason not to begin.
    ///
    /// # Errors
    /// When there is no place for slots: the folders cannot be made.
    pub fn begin(fs: F, start: Start, now: Now) -> io::Result<Self> {
        let Start { home, terms, installed, own, program, boot_id } = start;
        for folder in home.folders() {
            fs.make_folder(&folder)?;
        }
        fs.sync_folder(home.data())?;
        fs.sync_folder(&home.updates())?;
        let state = home.state();
        let (pointer_record, pointer) = Record::<Pointer>::open(&fs, &state, POINTER);
        let (journal_record, journal) = Record::<Journal>::open(&fs, &state, JOURNAL);
        let (trust_record, memory) = Record::<Memory>::open(&fs, &state, TRUST);
        let (own_record, own_last) = Record::<Own>::open(&fs, &state, OWN);
        let (heal_record, heal) = Record::<Heal>::open(&fs, &state, HEAL);
        let file = fs.inspect(&installed).ok();
        let installed_sha256 = file.as_ref().map(|file| file.sha256.clone());
        let stamp = file.and_then(|file| file.stamp.or(Some(nameless())));
        let built_at =
            [own.build_time, stamp.as_ref().and_then(|stamp| stamp.build_time)].into_iter().flatten().max();
        let mut engine = Self {
            denied: Denied::open(&fs, &state),
            fs,
            home,
            terms,
            installed,
            installed_seq: stamp.map(|stamp| stamp.seq),
            installed_sha256,
            boot_id,
            pointer: Pointer::default(),
            pointer_record,
            journal: journal.value.unwrap_or_default(),
            journal_record,
            trust: Trust::of(memory.value.unwrap_or_default(), built_at),
            trust_record,
            heal: heal.value.unwrap_or_default(),
            heal_record,
            unsafe_why: None,
            own_seq: own.seq,
            renewal: Renewal::new(own, program, own_record, own_last.value, now.mono_ms),
            orders: Vec::new(),
            question: None,
            agent: Agent::default(),
            gate: None,
            watch: Watch::default(),
            lines: VecDeque::new(),
            failures: Vec::new(),
            timers: Timers {
                stage: now.mono_ms,
                fresh: now.mono_ms,
                ended: now.mono_ms,
                ..Timers::default()
            },
        };
        for (name, is_damaged) in [
            (POINTER, pointer.is_damaged),
            (JOURNAL, journal.is_damaged),
            (TRUST, memory.is_damaged),
            (OWN, own_last.is_damaged),
            (HEAL, heal.is_damaged),
        ] {
            if is_damaged {
                engine.say(format!("a copy of {name} is damaged"));
            }
        }
        // Before anything that a new supervisor might trip over.
        engine.take_up_own();
        engine.take_up(pointer.value, now);
        Ok(engine)
    }

    fn take_up(&mut self, says: Option<Pointer>, now: Now) {
        self.look_at_folders();
        if self.unsafe_why.is_some() {
            // Whoever could write there could have written all of it.
            return;
        }
        let wish = self.wish_after_wait(says.as_ref(), now);
        let mut pointer = self.choose(wish.as_ref().or(says.as_ref()), now);
        // Neither may forget what the other knows.
        pointer.highest_seq = pointer.highest_seq.max(self.trust.memory.highest_seq);
        if self.trust.memory.highest_seq < pointer.highest_seq {
            self.trust.memory.highest_seq = pointer.highest_seq;
            self.remember();
        }
        if says.as_ref() == Some(&pointer) || (says.is_none() && pointer == Pointer::default()) {
            self.pointer = pointer;
        } else {
            self.say(format!("the pointer is set to {:?}", pointer.current.slot().map(slot::Build::name)));
            self.pointer = pointer.clone();
            self.point(pointer);
        }
        self.resume(now);
    }

    fn resume(&mut self, now: Now) {
        let Some(update) = self.journal.active().cloned() else {
            return self.finish();
        };
        let is_there = self.pointer.current.slot() == Some(&update.to);
        let is_passed = self.installed_seq.is_some_and(|installed| installed >= update.to.seq);
        if is_passed && !is_there && update.stage != Stage::RollingBack {
            return self.fail(Reason::Superseded, "the package was upgraded meanwhile", now);
        }
        if update.stage == Stage::Trial && !is_there {
            return self.fail(Reason::SlotDamaged, "the program on trial could not be found as it was", now);
        }
        self.advance(if is_there { Event::ResumeAfter } else { Event::ResumeBefore }, now);
    }

    /// Looks whether others could write where the updater keeps its things.
    pub(super) fn look_at_folders(&mut self) {
        let folders = [self.home.data().to_owned()].into_iter().chain(self.home.folders());
        let why = folders.into_iter().find_map(|folder| match self.fs.openness(&folder) {
            Ok(open) => open,
            Err(error) => Some(format!("{}: {error}", folder.display())),
        });
        if let Some(why) = &why
            && self.unsafe_why.is_none()
        {
            self.say(format!("no updates, and nothing but the installed program runs: {why}"));
            self.failures.push((Reason::UnsafeDirectory, why.clone(), String::new()));
        }
        self.unsafe_why = why;
    }
}

/// What a program without a stamp is.
fn nameless() -> Built {
    Built { version: String::new(), seq: 0, build_id: String::new(), build_time: None }
}

/// Rises with nothing and differs after each restart of the machine.
fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}
