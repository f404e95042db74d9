//! The trial of the new program and the watch over the one that was confirmed.

use super::{Engine, Now, Order};
use crate::{
    channel::ToAgent,
    fs::Fs,
    gate::{Control, Gate, Verdict},
    machine::{Event, Stage},
    record::pointer::{Place, Pointer},
    slot,
};
use entity::release::Reason;

impl<F: Fs> Engine<F> {
    pub(super) fn watch_trial(&mut self, now: Now) {
        let Some(update) = self.journal.active() else { return };
        if update.attempts > self.terms.attempts_max {
            let detail = format!("begun {} times", update.attempts);
            return self.fail(Reason::TrialOverdue, detail, now);
        }
        self.gate = Some(Gate::new(self.terms.clone(), update.to.clone()).after(update.spent));
    }

    /// Writes down now and then what the trial has had of its time, for a supervisor that goes on with it: at once what
    /// the build was forgiven, the time in some dozens of pieces.
    fn keep_spent(&mut self) {
        let Some(spent) = self.gate.as_ref().map(Gate::spent).filter(|_| self.boot_id.is_some()) else {
            return;
        };
        let Some(update) = self.journal.update.as_mut() else { return };
        let kept = update.spent;
        let is_due = (spent.exits, spent.hangs) != (kept.exits, kept.hangs)
            || spent.active_ms >= kept.active_ms.saturating_add(self.terms.active_max_ms / 30)
            || spent.total_ms >= kept.total_ms.saturating_add(self.terms.trial_max_ms / 100);
        if !is_due {
            return;
        }
        update.spent = spent;
        if let Err(error) = self.journal_record.write(&self.fs, &self.journal) {
            // The next piece is tried again; the worst that comes of it is a longer trial.
            self.say(format!("how long the trial has taken could not be written: {error}"));
        }
    }

    pub(super) fn control_found(&mut self, is_heard: bool, now: Now) {
        if let Some(gate) = &mut self.gate {
            gate.control(if is_heard { Control::Reached } else { Control::Away });
        }
        self.look(now);
    }

    /// So many bytes of memory are in use by the agent.
    pub fn memory(&mut self, bytes: u64, now: Now) {
        if let Some(gate) = &mut self.gate {
            gate.memory(bytes);
        } else if self.stage() != Some(Stage::RollingBack)
            && let Some((reason, detail)) = self.watch.memory(bytes, &self.terms)
        {
            self.go_back(reason, detail, now);
        }
    }

    /// Looks how the trial goes.
    pub(super) fn look(&mut self, now: Now) {
        if self.stage() != Some(Stage::Trial) {
            return;
        }
        let Some(gate) = &mut self.gate else { return };
        match gate.look(now.mono_ms) {
            Verdict::Wait => self.keep_spent(),
            Verdict::AskControl => {
                if !self.ask_control() {
                    self.control_found(false, now);
                }
            }
            Verdict::End => {
                self.keep_spent();
                self.say("the agent gives no sign of life and is ended");
                self.orders.push(Order::Kill);
            }
            Verdict::Pass => self.confirm(now),
            Verdict::Fail(reason, detail) => self.fail(reason, detail, now),
        }
    }

    /// It stays. What must never be forgotten is written before it is said; if it cannot be, the next look tries again.
    fn confirm(&mut self, now: Now) {
        let Some(update) = self.journal.active().cloned() else { return };
        self.trust.memory.highest_seq = self.trust.memory.highest_seq.max(update.to.seq);
        let pointer = Pointer {
            current: Place::Slot(update.to.clone()),
            kept: Some(update.from.clone()),
            highest_seq: self.pointer.highest_seq.max(update.to.seq),
        };
        let written = slot::prove(&self.fs, &self.home, &update.to)
            .and_then(|()| self.trust_record.write(&self.fs, &self.trust.memory));
        if let Err(error) = written {
            return self.say(format!("it could not be written down that the trial is passed: {error}"));
        }
        if self.point(pointer) {
            self.journal.confirmed = None;
            self.advance(Event::Pass, now);
            if self.stage() == Some(Stage::Confirmed) {
                self.send(ToAgent::Receipts { every_seconds: None });
                self.forget_stalled();
                self.begin_own(now);
            }
        }
    }

    /// A build that was confirmed does badly: back to the one that was kept, if there is one that is better.
    pub(super) fn go_back(&mut self, reason: Reason, detail: String, now: Now) {
        let Some(kept) = self.pointer.kept.clone() else { return };
        let can_run = match &kept {
            Place::Installed => self.installed_seq.is_some(),
            Place::Slot(build) => {
                !self.denied.is_bad(&build.sha256) && slot::verifies(&self.fs, &self.home, build)
            }
        };
        if !can_run || self.unsafe_why.is_some() {
            return;
        }
        if self.journal.active().is_some() {
            self.fail(Reason::Superseded, "the version that runs has to be taken back", now);
        }
        let is_last = self.stage() == Some(Stage::Confirmed);
        let current = self.pointer.current.slot();
        let record = if is_last { &mut self.journal.update } else { &mut self.journal.confirmed };
        let Some(mut update) = record.take_if(|update| Some(&update.to) == current) else { return };
        // What was kept then may have been changed since.
        update.from = kept;
        update.kept_before = None;
        update.reason = Some(reason);
        update.detail.clone_from(&detail);
        update.writes = 0;
        self.say(format!("{} has to be taken back: {} {detail}", update.to.version, reason.word()));
        self.failures.push((reason, detail, update.to.version.clone()));
        self.journal.update = Some(update);
        self.advance(Event::CrashLoop, now);
    }
}
