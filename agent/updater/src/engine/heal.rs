//! A program that passed its trial, or came with the package, and does not come up any more: it ends again and again before
//! it asks for updates, so that nothing could ever mend it. Another one that this machine still has stands in for it: a
//! release that does come up can then be fetched and put in place.

use super::{Engine, Now, Order, names};
use crate::{
    backoff::Ending,
    exit,
    fs::Fs,
    machine::Stage,
    record::{
        heal::Heal,
        pointer::{Place, Pointer},
    },
};
use chrono::{DateTime, Utc};
use entity::release::{Reason, Sha256Hex};

/// What there is to say of a life of the agent that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    /// It asked for updates, or went on for long.
    has_come_up: bool,
    /// Since the end of the life before.
    passed_ms: u64,
}

impl<F: Fs> Engine<F> {
    /// Which programs do not come up.
    #[must_use]
    pub const fn heal(&self) -> &Heal {
        &self.heal
    }

    fn sha256_of(&self, place: &Place) -> Option<Sha256Hex> {
        match place {
            Place::Installed => self.installed_sha256.clone(),
            Place::Slot(build) => Some(build.sha256.clone()),
        }
    }

    fn write_heal(&mut self) {
        if let Err(error) = self.heal_record.write(&self.fs, &self.heal) {
            // It is remembered for as long as this supervisor runs.
            self.say(format!("{} could not be written: {error}", names::HEAL));
        }
    }

    /// The agent asks for updates, or has been up for long.
    pub(super) fn came_up(&mut self) {
        self.agent.has_come_up = true;
        if self.unsafe_why.is_some() {
            return;
        }
        let before = self.heal.clone();
        let sha256 = self.sha256_of(&self.pointer.current);
        self.heal.came_up(sha256.as_ref());
        if self.agent.is_connected {
            for one in self.heal.stalled.iter_mut().filter(|one| !one.is_told) {
                one.is_told = true;
                self.failures.push((Reason::Crashed, one.detail.clone(), one.version.clone()));
            }
        }
        if self.heal != before {
            self.write_heal();
        }
        self.tell_failures();
    }

    /// A new release stays: nothing is kept of what it replaced.
    pub(super) fn forget_stalled(&mut self) {
        if self.heal != Heal::default() {
            self.heal = Heal::default();
            self.write_heal();
        }
    }

    /// An agent that never says what it is hangs where its trial is long over.
    pub(super) fn look_for_hello(&mut self, now: Now) {
        let is_mute = self.agent.is_up && self.agent.running.is_some() && !self.agent.is_connected;
        let age = now.mono_ms.saturating_sub(self.agent.since);
        if is_mute && self.gate.is_none() && self.unsafe_why.is_none() && age >= self.terms.heal_ms {
            // Said and done once for this time.
            self.agent.since = now.mono_ms;
            self.say("the agent never said what it is and is ended");
            self.orders.push(Order::Kill);
        }
    }

    /// The agent has ended, before that is noted anywhere else.
    pub(super) fn close_life(&mut self, lived_ms: u64, now: Now) -> Life {
        let is_mute = self.agent.running.is_some() && !self.agent.is_connected;
        let is_long = lived_ms >= self.terms.heal_ms && !is_mute;
        let passed_ms = now.mono_ms.saturating_sub(self.timers.ended);
        self.timers.ended = now.mono_ms;
        Life { has_come_up: self.agent.has_come_up || is_long, passed_ms }
    }

    /// What follows from a life outside of any trial. True: another program stands in from now on.
    pub(super) fn ended_early(&mut self, life: Life, ending: Ending, is_crash: bool, now: Now) -> bool {
        if self.unsafe_why.is_some() {
            return false;
        }
        if life.has_come_up {
            self.came_up();
            return false;
        }
        let is_code = |codes: &[u8]| codes.iter().any(|code| ending == Ending::Code(i32::from(*code)));
        // Under what another build would find as well. Whoever ends in order without having come up is no better than
        // one that crashes: the service manager starts the supervisor again.
        let is_counted = (is_crash || is_code(&[exit::CLEAN]))
            && !is_code(&[exit::ALREADY_RUNNING, exit::NOT_REGISTERED, exit::UNPROTECTED]);
        if !is_counted {
            return false;
        }
        let sha256 = self.sha256_of(&self.pointer.current);
        let is_enough = self.heal.ended(sha256, life.passed_ms, &self.terms);
        self.write_heal();
        // What lies ready may be what mends it, and has its own times.
        let is_waiting = matches!(self.stage(), Some(Stage::Staged | Stage::Probed));
        is_enough && !is_waiting && self.stand_in(&super::change::words(ending), now)
    }

    /// Another one takes the place of the program that does not come up. False: there is none.
    fn stand_in(&mut self, how: &str, now: Now) -> bool {
        let time = self.trusted_now(now);
        let mut found = self.find_stand_in(time);
        if found.is_none() && self.heal.give_all_a_try(time) {
            // Nothing else came up either, so that it may be none of their faults.
            found = self.find_stand_in(time);
        }
        let starts = self.heal.starts;
        let Some(found) = found else {
            self.say(format!("it did not come up {starts} times, and nothing can stand in for it"));
            return false;
        };
        let name = |place: &Place| {
            place.slot().map_or_else(|| "the installed program".to_owned(), |build| build.version.clone())
        };
        let ailing = self.pointer.current.clone();
        let detail = format!(
            "it ended {starts} times before it asked for updates, at last: {how}; {} stands in for it",
            name(&found)
        );
        let version = match &ailing {
            Place::Slot(build) => build.version.clone(),
            Place::Installed => {
                self.agent.running.as_ref().map_or_else(String::new, |one| one.version.clone())
            }
        };
        self.say(format!("{}: {detail}", name(&ailing)));
        if let Some(sha256) = self.sha256_of(&ailing) {
            self.heal.stall(&sha256, &version, &detail, time, &self.terms);
        }
        self.heal.next_round();
        self.write_heal();
        self.point_to(found, ailing);
        if matches!(self.stage(), Some(Stage::Accepted | Stage::Downloading)) {
            self.fail(Reason::Superseded, "the version that ran does not come up", now);
        }
        true
    }

    fn point_to(&mut self, current: Place, kept: Place) {
        let pointer = Pointer { current, kept: Some(kept), highest_seq: self.pointer.highest_seq };
        // Even if it cannot be written down it is followed.
        self.pointer = pointer.clone();
        self.point(pointer);
        self.lines.clear();
        self.watch = crate::watch::Watch::default();
    }

    fn find_stand_in(&self, time: DateTime<Utc>) -> Option<Place> {
        let is_allowed = |place: &Place| {
            self.sha256_of(place)
                .is_some_and(|sha256| !self.denied.is_bad(&sha256) && !self.denied.is_denied(&sha256, time))
        };
        self.with_facts(Some(&self.pointer), time, |facts| facts.stand_in(&is_allowed))
    }

    /// True when others go before this program for now.
    pub(super) fn is_stalled(&self, place: &Place, time: DateTime<Utc>) -> bool {
        self.sha256_of(place).is_some_and(|sha256| self.heal.is_stalled(&sha256, time))
    }

    /// With the start of the supervisor a newer program that gave way long ago is tried again: what kept it from coming up
    /// may have been the machine. One that runs is not ended for that.
    pub(super) fn wish_after_wait(&self, says: Option<&Pointer>, now: Now) -> Option<Pointer> {
        let says = says.filter(|_| self.journal.active().is_none())?;
        let Some(Place::Slot(kept)) = &says.kept else { return None };
        let time = self.trusted_now(now);
        let current = says.current.slot().map_or(self.installed_seq.unwrap_or(0), |build| build.seq);
        let is_due = kept.seq > current && self.heal.has_waited(&kept.sha256, time);
        is_due.then(|| Pointer {
            current: Place::Slot(kept.clone()),
            kept: Some(says.current.clone()),
            highest_seq: says.highest_seq,
        })
    }
}
