//! What the agent says on its channel.

use super::{Engine, Now, Order};
use crate::{
    channel::{CHANNEL, ToAgent, ToSupervisor},
    fs::Fs,
    machine::Stage,
};
use entity::{
    id::UpdateId,
    release::{Reason, Sha256Hex},
    update::{Running, TrustAnswer},
};

/// Progress is passed on no more often than this.
const PROGRESS_EVERY_MS: u64 = 5_000;

impl<F: Fs> Engine<F> {
    /// The agent said something.
    pub fn said(&mut self, message: ToSupervisor, now: Now) {
        match message {
            ToSupervisor::Hello { running, .. } => self.hello(&running, now),
            ToSupervisor::Beat(beat) => {
                if let Some(gate) = &mut self.gate {
                    gate.beat(beat);
                    self.look(now);
                }
            }
            ToSupervisor::Receipt { receipt } => self.receipt(&receipt, now),
            ToSupervisor::Ask => {
                if !self.agent.has_come_up {
                    self.came_up();
                }
                self.asked();
            }
            ToSupervisor::Fresh { trust } => self.fresh(&trust, now),
            ToSupervisor::Offer { answer } => self.offered(&answer, now),
            ToSupervisor::Root { root, replace } => self.root(&root, replace),
            ToSupervisor::Progress { sha256, bytes } => self.progress(&sha256, bytes, now),
            ToSupervisor::Fetched { sha256 } => {
                if self.is_fetching_own(&sha256) {
                    return self.own_fetched();
                }
                if self.is_fetching(&sha256) {
                    self.verify(now);
                }
            }
            ToSupervisor::NotFetched { sha256, reason, detail } => {
                if self.is_fetching_own(&sha256) {
                    return self.own_not_fetched(reason, &detail, now);
                }
                if self.is_fetching(&sha256) {
                    self.not_fetched(reason, &detail, now);
                }
            }
            ToSupervisor::Go { update_id, go } => self.go(update_id, go, now),
            ToSupervisor::Quiesced => {
                if self.stage() == Some(Stage::Switching) && self.agent.is_up {
                    self.orders.push(Order::Stop);
                }
                self.own_quiet();
            }
            ToSupervisor::StatusStored { update_id, step } => self.stored(update_id, step),
            ToSupervisor::Unknown => {}
        }
    }

    fn hello(&mut self, said: &Running, now: Now) {
        self.agent.is_connected = true;
        let is_trial = self.stage() == Some(Stage::Trial);
        let running = self.running();
        self.send(ToAgent::Welcome {
            channel: CHANNEL,
            running,
            nonce: self.agent.nonce.clone(),
            receipt_every_seconds: is_trial.then(|| self.terms.receipt_every_seconds()),
            staging: self.home.staging().display().to_string(),
        });
        if is_trial {
            if let Some(gate) = &mut self.gate {
                gate.hello(said);
            }
            self.measure_gap(now);
        }
        for id in self.journal.reports.iter().map(|report| report.update_id).collect::<Vec<_>>() {
            self.send_report(id);
        }
        self.tell_failures();
        match self.stage() {
            // Whoever was asked before has ended since.
            Some(Stage::Downloading) => self.fetch(),
            Some(Stage::Probed) => self.ask_go(now),
            _ => {}
        }
        self.fetch_own_again();
        self.begin_own(now);
        self.look(now);
    }

    /// How long no agent ran, once the new one has said what it is.
    fn measure_gap(&mut self, now: Now) {
        let Some(began) = self.timers.gap_began.take() else { return };
        let Some(update) = self.journal.update.as_mut().filter(|update| update.gap_ms.is_none()) else {
            return;
        };
        update.gap_ms = Some(now.mono_ms.saturating_sub(began));
        update.step = update.step.saturating_add(1);
        // Not worth a write of its own: the end of the trial brings it along.
        let update = update.clone();
        let status = self.status(&update, now);
        self.journal.report(status);
        self.say(format!("the change took {} ms", now.mono_ms.saturating_sub(began)));
    }

    fn receipt(&mut self, envelope: &str, now: Now) {
        if self.gate.is_none() {
            return;
        }
        let Some(device) = self.device() else { return };
        match self.trust.receipt(envelope, &self.agent.nonce, device) {
            Ok(receipt) => {
                let is_of_it =
                    self.journal.active().is_some_and(|update| update.to.build_id == receipt.build_id);
                if let (true, Some(gate)) = (is_of_it, &mut self.gate) {
                    gate.receipt(receipt.signed_time);
                }
                self.look(now);
            }
            Err(reason) => self.say(format!("a receipt is not believed: {}", reason.word())),
        }
    }

    fn asked(&mut self) {
        let nonce = super::order::nonce();
        self.question = Some(nonce.clone());
        let question = ToAgent::Question {
            nonce,
            highest_seq: self.highest_seq(),
            root_version: self.trust.root_version(),
            is_updating: self.is_busy() || self.unsafe_why.is_some(),
        };
        self.send(question);
    }

    fn fresh(&mut self, answer: &TrustAnswer, now: Now) {
        if let Err(reason) = self.believe(answer, now) {
            self.say(format!("an answer of the server is not believed: {}", reason.word()));
            // A device that trusts nobody yet, and a server that cannot sign, are no attack.
            if reason != Reason::NoRoot && answer.timestamp.is_some() {
                self.failures.push((
                    reason,
                    "an answer about freshness is not believed".to_owned(),
                    String::new(),
                ));
                self.tell_failures();
            }
        }
    }

    fn root(&mut self, envelope: &str, is_replacing: bool) {
        let refused = if self.unsafe_why.is_some() {
            Some(Reason::UnsafeDirectory)
        } else {
            match self.trust.pin(envelope, is_replacing) {
                Ok(true) => {
                    self.remember();
                    self.say(format!("root {} of release trust is pinned", self.trust.root_version()));
                    None
                }
                Ok(false) => None,
                Err(reason) => Some(reason),
            }
        };
        let version = self.trust.root_version();
        self.send(ToAgent::RootTaken { version, refused });
    }

    fn is_fetching(&self, sha256: &Sha256Hex) -> bool {
        self.journal
            .active()
            .is_some_and(|update| update.stage == Stage::Downloading && update.to.sha256 == *sha256)
    }

    fn progress(&mut self, sha256: &Sha256Hex, bytes: u64, now: Now) {
        let is_late = self.timers.progress.is_none_or(|last| last + PROGRESS_EVERY_MS <= now.mono_ms);
        if !self.is_fetching(sha256) || !is_late {
            return;
        }
        self.timers.progress = Some(now.mono_ms);
        let Some(update) = self.journal.update.as_mut() else { return };
        update.step = update.step.saturating_add(1);
        let update = update.clone();
        let mut status = self.status(&update, now);
        status.downloaded_bytes = Some(bytes);
        self.send(ToAgent::Status(Box::new(status)));
    }

    fn stored(&mut self, id: UpdateId, step: u32) {
        if !self.journal.stored(id, step) {
            return;
        }
        // While an update is under way the next stage writes this too; hearing it twice does no harm.
        if self.journal.active().is_none()
            && let Err(error) = self.journal_record.write(&self.fs, &self.journal)
        {
            self.say(format!("the journal could not be written: {error}"));
        }
    }

    /// Sends what is to be said of an update, with what runs at this moment.
    pub(super) fn send_report(&mut self, id: UpdateId) {
        let Some(report) = self.journal.reports.iter().find(|report| report.update_id == id) else { return };
        let mut report = report.clone();
        report.running = self.running();
        self.send(ToAgent::Status(Box::new(report)));
    }

    pub(super) fn tell_failures(&mut self) {
        if !self.agent.is_connected {
            return;
        }
        for (reason, detail, version) in std::mem::take(&mut self.failures) {
            self.send(ToAgent::Failed { reason, detail, version });
        }
    }
}
