//! What the server answered, brought by the agent and believed only as far as it is signed: from the offer to the program
//! in its slot.

use super::{Engine, Now, own::supervisor_of};
use crate::{
    built,
    channel::ToAgent,
    fs::{Fs, Inspected},
    gate::Spent,
    machine::{Event, Stage},
    record::journal::{STEPS, Update},
    slot::{self, Build},
    trust::Fresh,
};
use chrono::{DateTime, Utc};
use entity::{
    id::UpdateId,
    release::{ARTIFACT_BYTES_MAX, ArtifactKind, Device, Reason, Sha256Hex, due},
    update::{TrustAnswer, UpdateAnswer, UpdateState},
};

/// The longest that an offer may ask to be put off, in milliseconds.
const WAIT_MAX_MS: i64 = 24 * 60 * 60 * 1000;

/// What an offer comes to: the agent, the supervisor of its release when that is newer, and the time that is proved.
type Wanted = (Build, Option<Build>, DateTime<Utc>);

impl<F: Fs> Engine<F> {
    /// Takes what was signed for the question that was asked last; each question is good for one answer.
    pub(super) fn believe(&mut self, answer: &TrustAnswer, now: Now) -> Result<Fresh, Reason> {
        let nonce = self.question.take().filter(|nonce| !nonce.is_empty()).ok_or(Reason::NonceMismatch)?;
        let device = self.device().ok_or(Reason::NonceMismatch)?;
        if self.unsafe_why.is_some() {
            return Err(Reason::UnsafeDirectory);
        }
        let before = self.trust.memory.clone();
        let taken = self.trust.take(answer, &nonce, device);
        if let Ok(fresh) = &taken {
            self.timers.fresh = now.mono_ms;
            self.trust.memory.fresh_at = Some(now.wall);
            self.trust.memory.is_frozen_said = false;
            if let Some(manifest) = &fresh.manifest
                && self.denied.revoke(&manifest.document.revoked)
            {
                self.write_denied();
            }
        }
        if self.trust.memory != before {
            self.remember();
        }
        taken
    }

    /// The server offers an update.
    pub(super) fn offered(&mut self, answer: &UpdateAnswer, now: Now) {
        if self.is_busy() {
            return;
        }
        self.look_at_folders();
        let decided = self.decide(answer, now);
        let (build, supervisor, time) = match decided {
            Ok(decided) => decided,
            Err((reason, detail)) => return self.refuse(answer, reason, detail, now),
        };
        let lease = millis_until(answer.lease_expires_at, time);
        if lease <= 0 {
            return self.refuse(answer, Reason::NoGo, "the grant was over when it came".to_owned(), now);
        }
        let wait = answer.not_before.map_or(0, |moment| millis_until(moment, time).clamp(0, WAIT_MAX_MS));
        let after = |span: i64| now.mono_ms.saturating_add(u64::try_from(span).unwrap_or(0));
        self.timers.lease = Some(after(lease.min(WAIT_MAX_MS)));
        self.timers.not_before = Some(after(wait));
        self.accept(answer, build, supervisor, now);
    }

    fn accept(&mut self, answer: &UpdateAnswer, build: Build, supervisor: Option<Build>, now: Now) {
        let update = Update {
            id: answer.update_id,
            stage: Stage::Accepted,
            to: build,
            supervisor,
            from: self.pointer.current.clone(),
            kept_before: self.pointer.kept.clone(),
            writes: 1,
            step: STEPS,
            attempts: 0,
            boot_id: None,
            spent: Spent::default(),
            reason: None,
            detail: String::new(),
            gap_ms: None,
            log_lines: Vec::new(),
            lease_expires_at: answer.lease_expires_at,
        };
        if let Some(last) = self.journal.update.take().filter(|last| last.stage == Stage::Confirmed) {
            self.journal.confirmed = Some(last);
        }
        let status = self.status(&update, now);
        self.journal.update = Some(update);
        self.journal.report(status);
        if let Err(error) = self.journal_record.write(&self.fs, &self.journal) {
            return self.fail(Reason::FsFault, error.to_string(), now);
        }
        self.timers.stage = now.mono_ms;
        self.send_report(answer.update_id);
        self.tick(now);
    }

    fn decide(&mut self, answer: &UpdateAnswer, now: Now) -> Result<Wanted, (Reason, String)> {
        if let Some(why) = &self.unsafe_why {
            return Err((Reason::UnsafeDirectory, why.clone()));
        }
        let plain = |reason: Reason| (reason, String::new());
        let fresh = self.believe(&answer.trust, now).map_err(plain)?;
        let time = self.trust.time_floor();
        let manifest = fresh.manifest.ok_or_else(|| plain(Reason::Malformed))?;
        let root_expires = self.trust.root().ok_or_else(|| plain(Reason::NoRoot))?.expires;
        let (os, arch) = built::platform();
        let is_denied = |sha256: &Sha256Hex| self.denied.is_denied(sha256, time);
        let device = Device {
            kind: ArtifactKind::Agent,
            os,
            arch,
            libc: self.libc(),
            running_seq: self.seq_that_runs(),
            highest_seq: self.highest_seq(),
            root_expires,
            time_floor: time,
            denied: &is_denied,
        };
        let artifact = due(&manifest, &fresh.timestamp, &device).map_err(plain)?;
        if artifact.size_bytes > ARTIFACT_BYTES_MAX {
            return Err(plain(Reason::TooLarge));
        }
        let needed = artifact.size_bytes.saturating_mul(2).saturating_add(self.terms.spare_bytes);
        match self.fs.room(&self.home.updates()) {
            Ok(room) if room < needed => {
                Err((Reason::DiskFull, format!("{room} bytes are free, {needed} are needed")))
            }
            Ok(_) => {
                let supervisor = supervisor_of(&manifest.document, self.own_seq);
                Ok((Build::of(&manifest.document, artifact), supervisor, time))
            }
            Err(error) => Err((Reason::FsFault, error.to_string())),
        }
    }

    /// What runs says which C library it can have; the supervisor comes in the same package.
    fn libc(&self) -> Option<entity::release::Libc> {
        self.agent.running.as_ref().and_then(|running| running.libc).or(built::libc())
    }

    /// An offer is not taken: nothing was begun, and the server hears why.
    fn refuse(&mut self, answer: &UpdateAnswer, reason: Reason, detail: String, now: Now) {
        self.say(format!("the offer of {} is refused: {} {detail}", answer.new_version, reason.word()));
        self.failures.push((reason, detail.clone(), answer.new_version.clone()));
        self.tell_failures();
        let id: UpdateId = answer.update_id;
        // An update that came to its end does not end a second time.
        if self.journal.update.as_ref().is_some_and(|update| update.id == id) {
            return;
        }
        let status = entity::update::UpdateStatus {
            update_id: id,
            step: STEPS,
            state: UpdateState::FailedPre,
            running: self.running(),
            seq: answer.seq,
            reason: Some(reason),
            detail,
            downloaded_bytes: None,
            gap_ms: None,
            log_lines: Vec::new(),
            at: now.wall,
        };
        self.journal.report(status);
        if self.unsafe_why.is_none()
            && let Err(error) = self.journal_record.write(&self.fs, &self.journal)
        {
            self.say(format!("the journal could not be written: {error}"));
        }
        self.send_report(id);
    }

    /// Has the agent fetch the artifact.
    pub(super) fn fetch(&mut self) {
        let Some(update) = self.journal.active() else { return };
        let (sha256, size_bytes) = (update.to.sha256.clone(), update.to.size_bytes);
        // What was fetched for another update is of no use any more.
        let keep: Vec<Build> = [Some(&self.pointer.current), self.pointer.kept.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|place| place.slot())
            .cloned()
            .collect();
        slot::sweep(&self.fs, &self.home, &keep.iter().collect::<Vec<_>>(), Some(&sha256));
        self.send(ToAgent::Fetch { sha256, size_bytes });
    }

    pub(super) fn not_fetched(&mut self, reason: Reason, detail: &str, now: Now) {
        if matches!(reason, Reason::DownloadFailed) {
            self.say(format!("the download did not come to its end: {detail}"));
            self.timers.again = Some(now.mono_ms.saturating_add(self.terms.download_every_ms));
        } else {
            self.fail(reason, detail, now);
        }
    }

    /// Looks at what was fetched, all of it, and puts it into its slot.
    pub(super) fn verify(&mut self, now: Now) {
        let Some(update) = self.journal.active() else { return };
        let (build, part) = (update.to.clone(), self.home.part(&update.to.sha256));
        // Sealed first, so that nobody who has it open for writing is believed to be the last to have written.
        let file = self.fs.seal(&part).and_then(|()| self.fs.inspect(&part));
        let file = match file {
            Ok(file) => file,
            Err(error) => {
                let _ = self.fs.remove(&part);
                return self.fail(Reason::FsFault, error.to_string(), now);
            }
        };
        if let Err((reason, detail)) = self.compare(&build, &file) {
            let _ = self.fs.remove(&part);
            return self.fail(reason, detail, now);
        }
        match slot::fill(&self.fs, &self.home, &build) {
            Ok(()) => self.advance(Event::Sealed, now),
            Err(error) => self.fail(Reason::FsFault, error.to_string(), now),
        }
    }

    pub(super) fn compare(&self, build: &Build, file: &Inspected) -> Result<(), (Reason, String)> {
        if file.size_bytes != build.size_bytes {
            return Err((
                Reason::SizeMismatch,
                format!("{} bytes, released with {}", file.size_bytes, build.size_bytes),
            ));
        }
        if file.sha256 != build.sha256 {
            return Err((Reason::HashMismatch, format!("SHA-256 {}", file.sha256)));
        }
        let is_for_here =
            file.platform.is_some_and(|platform| (platform.os, platform.arch) == built::platform());
        if !is_for_here {
            return Err((Reason::WrongFormat, format!("{:?}", file.platform)));
        }
        match &file.stamp {
            Some(stamp) if build.is(&built::running(stamp)) => Ok(()),
            stamp => Err((Reason::HelloMismatch, format!("its stamp says {stamp:?}"))),
        }
    }
}

fn millis_until(moment: DateTime<Utc>, time: DateTime<Utc>) -> i64 {
    moment.signed_duration_since(time).num_milliseconds()
}
