//! From the program in its slot to the one that runs, and back: asking it what it is, the server's last word, the end of
//! the one before, the pointer.

use super::{Engine, Launch, Next, Now, Order, Outcome, Purpose, order};
use crate::{
    backoff::Ending,
    built,
    channel::ToAgent,
    exit,
    fs::Fs,
    machine::{Event, Stage},
    probe::{Judged, judge},
    record::pointer::{Place, Pointer},
    slot,
};
use entity::{id::UpdateId, release::Reason};
use std::path::PathBuf;

/// A restart that was asked for counts as one when the agent lived at least this long.
const WELL_MS: u64 = 1_000;
/// So often a program may find that another one still runs.
const REFUSALS_MAX: u32 = 5;

impl<F: Fs> Engine<F> {
    /// Has the program in the slot asked what it is, after one more look at all of its bytes.
    pub(super) fn probe(&mut self, now: Now) {
        let Some(update) = self.journal.active() else { return };
        let (program, build) = (self.home.program(&update.to), update.to.clone());
        if !slot::verifies(&self.fs, &self.home, &build) {
            return self.fail(Reason::SlotDamaged, "the file changed in its slot", now);
        }
        self.timers.again = None;
        let nonce = order::nonce();
        self.timers.probe = Some(nonce.clone());
        self.orders.push(Order::Probe { program, nonce, purpose: Purpose::New });
    }

    /// Has the program before asked whether it reaches the server. False when it cannot be asked.
    pub(super) fn ask_control(&mut self) -> bool {
        let Some(update) = self.journal.active() else { return false };
        let Some(program) = self.program_of(&update.from) else { return false };
        let nonce = order::nonce();
        self.timers.control = Some(nonce.clone());
        self.orders.push(Order::Probe { program, nonce, purpose: Purpose::Control });
        true
    }

    /// A program as it may be run: every byte of a slot is read again.
    fn program_of(&self, place: &Place) -> Option<PathBuf> {
        match place {
            Place::Installed => self.fs.inspect(&self.installed).ok()?.stamp.map(|_| self.installed.clone()),
            Place::Slot(build) => {
                slot::verifies(&self.fs, &self.home, build).then(|| self.home.program(build))
            }
        }
    }

    /// A program that was asked has answered, or not.
    pub fn probed(&mut self, purpose: Purpose, outcome: &Outcome, now: Now) {
        let asked = match purpose {
            Purpose::New => self.timers.probe.take(),
            Purpose::Control => self.timers.control.take(),
            Purpose::Supervisor => return self.own_probed(outcome, now),
        };
        let Some(nonce) = asked else { return };
        let is_heard = self.is_heard(outcome, &nonce);
        match (purpose, self.stage()) {
            (Purpose::New, Some(Stage::Staged)) => self.judge_new(outcome, is_heard, now),
            (Purpose::Control, Some(Stage::Staged)) if is_heard => {
                self.fail(Reason::CannotReachServer, "the version that runs reaches the server", now);
            }
            (Purpose::Control, Some(Stage::Staged)) => {
                self.say("no server can be reached: the new version is asked again later");
                self.timers.again = Some(now.mono_ms.saturating_add(self.terms.probe_every_ms));
            }
            (Purpose::Control, Some(Stage::Trial)) => self.control_found(is_heard, now),
            _ => {}
        }
    }

    /// True when the program showed that the server has heard it.
    fn is_heard(&self, outcome: &Outcome, nonce: &str) -> bool {
        let Some(answer) = &outcome.answer else { return false };
        let receipt = || {
            let envelope = answer.receipt.as_deref()?;
            self.trust.receipt(envelope, nonce, self.device()?).ok()
        };
        !answer.is_server_busy
            && answer.is_server_reached
            && receipt().is_some_and(|receipt| receipt.build_id == answer.running.build_id)
    }

    fn judge_new(&mut self, outcome: &Outcome, is_heard: bool, now: Now) {
        let Some(update) = self.journal.active() else { return };
        match judge(&update.to, outcome) {
            Judged::Bad(reason, detail) => self.fail(reason, detail, now),
            Judged::Good if is_heard => self.advance(Event::ProbeGood, now),
            Judged::Good => {
                if !self.ask_control() {
                    self.timers.again = Some(now.mono_ms.saturating_add(self.terms.probe_every_ms));
                }
            }
        }
    }

    /// Has the agent ask the server for its last word.
    pub(super) fn ask_go(&mut self, now: Now) {
        let Some(id) = self.journal.active().map(|update| update.id) else { return };
        self.timers.again = Some(now.mono_ms.saturating_add(self.terms.go_every_ms));
        self.send(ToAgent::AskGo { update_id: id });
    }

    pub(super) fn go(&mut self, id: UpdateId, go: Option<bool>, now: Now) {
        let is_it =
            self.journal.active().is_some_and(|update| update.id == id && update.stage == Stage::Probed);
        match go {
            _ if !is_it => {}
            Some(true) => self.advance(Event::Go, now),
            Some(false) => self.fail(Reason::NoGo, "the server said no", now),
            None if self.has_lease(now) => self.advance(Event::Go, now),
            None => {}
        }
    }

    pub(super) fn has_lease(&self, now: Now) -> bool {
        self.timers.lease.is_some_and(|until| now.mono_ms < until)
    }

    pub(super) fn quiesce(&mut self) {
        if self.agent.is_connected {
            self.send(ToAgent::Quiesce);
        } else if self.agent.is_up {
            self.orders.push(Order::Stop);
        }
    }

    pub(super) fn end_for_return(&mut self, now: Now) {
        if self.agent.is_up {
            self.orders.push(Order::Stop);
        } else {
            self.put_back(now);
        }
    }

    /// What is to be started now. Never nothing: at the worst the installed program, whether or not it is there.
    pub fn launch(&mut self, now: Now) -> Launch {
        self.look_at_folders();
        self.agent.since = now.mono_ms;
        self.agent.has_come_up = false;
        if self.stage() == Some(Stage::Switching) {
            // Nothing runs, so nothing has to be ended.
            self.change_over(now);
        }
        if self.unsafe_why.is_some() {
            return self.installed();
        }
        // Each round takes one slot out of the choice.
        for _ in 0..8 {
            let Some(build) = self.pointer.current.slot().cloned() else { return self.installed() };
            let program = self.home.program(&build);
            match self.fs.inspect(&program) {
                Ok(file) if build.is_file(&file) => {
                    let running = file.stamp.as_ref().map(|stamp| entity::update::Running {
                        sha256: Some(file.sha256.clone()),
                        is_supervised: true,
                        ..built::running(stamp)
                    });
                    let is_channel = running.is_some();
                    self.agent.running = running;
                    return Launch { program, is_channel };
                }
                _ => self.slot_is_damaged(&build.name(), now),
            }
        }
        self.installed()
    }

    fn slot_is_damaged(&mut self, name: &str, now: Now) {
        self.say(format!("slot {name} is not what it was"));
        if self.stage() == Some(Stage::Trial) {
            return self.fail(Reason::SlotDamaged, "the program on trial is not what it was", now);
        }
        let pointer = self.choose(Some(&self.pointer), now);
        // Even if it cannot be written down it is followed.
        self.pointer = pointer.clone();
        self.point(pointer);
    }

    fn installed(&mut self) -> Launch {
        let file = self.fs.inspect(&self.installed).ok();
        let stamp = file.as_ref().and_then(|file| file.stamp.as_ref());
        self.installed_sha256 = file.as_ref().map(|file| file.sha256.clone());
        self.installed_seq = file.as_ref().map(|file| file.stamp.as_ref().map_or(0, |stamp| stamp.seq));
        self.agent.running = stamp.map(|stamp| entity::update::Running {
            sha256: file.as_ref().map(|file| file.sha256.clone()),
            is_supervised: self.unsafe_why.is_none(),
            ..built::running(stamp)
        });
        Launch { program: self.installed.clone(), is_channel: self.agent.running.is_some() }
    }

    /// The agent was started.
    pub fn started(&mut self) {
        self.agent.is_up = true;
        self.agent.is_connected = false;
        self.agent.nonce = order::nonce();
        if let Some(gate) = &mut self.gate {
            gate.started();
        }
    }

    /// The agent ended, or could not be started.
    pub fn ended(&mut self, ending: Ending, lived_ms: u64, now: Now) -> Next {
        let life = self.close_life(lived_ms, now);
        self.agent.is_up = false;
        self.agent.is_connected = false;
        self.renewal.agent_ended(now);
        let how = words(ending);
        let is_crash = self.is_crash(ending, lived_ms);
        match self.stage() {
            Some(Stage::Switching) => {
                self.timers.gap_began = Some(now.mono_ms);
                self.change_over(now);
                Next::AtOnce
            }
            Some(Stage::RollingBack) => {
                self.put_back(now);
                Next::AtOnce
            }
            Some(Stage::Trial) => {
                // On trial it is not asked to end: ending in order is an end too.
                let is_counted = is_crash || ending == Ending::Code(i32::from(exit::CLEAN));
                if let Some(gate) = &mut self.gate {
                    gate.ended(is_counted.then_some(how.as_str()));
                }
                self.look(now);
                if self.stage() == Some(Stage::Trial) { Next::Again } else { Next::AtOnce }
            }
            before => {
                if is_crash && let Some((reason, detail)) = self.watch.crashed(now.mono_ms, &self.terms) {
                    self.go_back(reason, format!("{detail}, at last: {how}"), now);
                }
                let is_back = before != self.stage() && self.stage() == Some(Stage::RolledBack);
                if is_back || self.ended_early(life, ending, is_crash, now) {
                    Next::AtOnce
                } else {
                    Next::AsEver
                }
            }
        }
    }

    /// A program that made room, or found the one before still ending, did not crash; unless it does that all the time.
    fn is_crash(&mut self, ending: Ending, lived_ms: u64) -> bool {
        match ending {
            Ending::Code(code) if code == i32::from(exit::CLEAN) => false,
            Ending::Code(code) if code == i32::from(exit::RESTART) => lived_ms < WELL_MS,
            Ending::Code(code) if code == i32::from(exit::ALREADY_RUNNING) => {
                self.agent.refusals = self.agent.refusals.saturating_add(1);
                self.agent.refusals > REFUSALS_MAX
            }
            _ => true,
        }
    }

    /// The program that ran has ended: from here on the pointer names the new one.
    fn change_over(&mut self, now: Now) {
        let Some(update) = self.journal.active().cloned() else { return };
        if !slot::verifies(&self.fs, &self.home, &update.to) {
            return self.fail(Reason::SlotDamaged, "the file changed in its slot", now);
        }
        let pointer = Pointer {
            current: Place::Slot(update.to.clone()),
            kept: Some(update.from),
            highest_seq: self.pointer.highest_seq,
        };
        if self.point(pointer) {
            self.lines.clear();
            self.advance(Event::Moved, now);
        } else {
            self.fail(Reason::FsFault, "the pointer could not be written", now);
        }
    }

    /// The new program has ended: the one before takes its place again.
    pub(super) fn put_back(&mut self, now: Now) {
        let Some(update) = self.journal.active().cloned() else { return };
        let is_its_fault = !matches!(
            update.reason,
            Some(
                Reason::TrialOverdue
                    | Reason::FsFault
                    | Reason::SlotDamaged
                    | Reason::Superseded
                    | Reason::TooManySteps
            )
        );
        self.gate = None;
        if self.pointer.current.slot() == Some(&update.to) || self.pointer.current == update.from {
            let wish = Pointer {
                current: update.from.clone(),
                kept: update.kept_before.clone(),
                highest_seq: self.pointer.highest_seq,
            };
            let pointer = self.choose(Some(&wish), now);
            // Even if it cannot be written down it is followed; the journal says the rest at the next start.
            self.pointer = pointer.clone();
            self.point(pointer);
        }
        self.deny(&update, is_its_fault, now);
        let lines: Vec<String> = self.lines.drain(..).collect();
        if let Some(update) = self.journal.update.as_mut() {
            update.log_lines = lines;
        }
        self.agent.running = None;
        self.advance(Event::Moved, now);
    }
}

/// How it ended, for people.
pub(super) fn words(ending: Ending) -> String {
    match ending {
        Ending::Code(code) => format!("code {code}"),
        Ending::Signal(signal) => format!("signal {signal}"),
        Ending::NotStarted => "could not be started".to_owned(),
    }
}
