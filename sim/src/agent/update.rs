//! Updates: an agent asks, says how far it has come, comes back as the new build, and lives as that build does. Nothing
//! is fetched and no signature is looked at: those are the real agent's.

use super::{Agent, End, serve::lost};
use crate::{Socket, Trouble, tally::Kind};
use chrono::Utc;
use entity::{
    presence::DisconnectReason,
    release::Reason,
    update::{GoAnswer, Running, UpdateAnswer, UpdateRequired, UpdateState, UpdateStatus},
    wire::ToServer,
};
use std::time::Duration;
use tokio::time::Instant;

/// What a new build does on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It proves itself and stays.
    Good,
    /// It crashes, and the one before comes back.
    Bad,
    /// It is never heard of again.
    Silent,
}

/// How an agent takes updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Updates {
    /// What every new build does.
    pub fate: Fate,
    /// Sequence of the build that runs at the beginning.
    pub seq: u64,
    /// How long a new build is on trial.
    pub trial: Duration,
    /// Between questions that nobody hinted at: a hint may be lost.
    pub every: Duration,
}

/// An update that is under way.
pub(super) struct Trip {
    answer: UpdateAnswer,
    before: Running,
    step: u32,
    began: Instant,
    on_trial: bool,
}

/// What runs where nothing has been updated yet.
pub(super) fn first(seq: u64) -> Running {
    Running {
        version: format!("0.{seq}.0"),
        seq,
        build_id: format!("simulated-{seq}"),
        sha256: None,
        libc: None,
        is_supervised: true,
    }
}

impl Agent {
    /// The server says that an update is due: each asks at its own moment.
    pub(super) fn update_is_due(&mut self, hint: &UpdateRequired) {
        if self.manner.updates.is_some() && self.trip.is_none() {
            let within = Duration::from_secs(u64::from(hint.within_seconds));
            self.due.update = Some(Instant::now() + within.mul_f64(fastrand::f64()));
        }
    }

    /// The next step of an update, or the question whether there is one.
    pub(super) async fn update(&mut self, socket: &mut Socket) -> Result<(), End> {
        self.due.update = self.manner.updates.map(|updates| Instant::now() + updates.every);
        match self.trip.take() {
            None => match self.ask_for_update().await {
                Ok(Some(answer)) => self.take_update(answer),
                Ok(None) => {}
                Err(trouble) => self.tally.trouble("check_update", &trouble),
            },
            Some(trip) if trip.on_trial => return self.end_trial(socket, trip).await,
            Some(trip) => return self.change_over(socket, trip).await,
        }
        Ok(())
    }

    async fn ask_for_update(&mut self) -> Result<Option<UpdateAnswer>, Trouble> {
        let Some(running) = &self.running else { return Ok(None) };
        let path = format!(
            "check_update?os=linux&arch=x86_64&version={}&seq={}&highest_seq={}",
            running.version, running.seq, self.highest_seq
        );
        let token = self.token().await?;
        let started = Instant::now();
        let reply = self.door.get(&path, &token).await?;
        self.tally.took(Kind::CheckUpdate, self.identity.number, started.elapsed());
        if reply.status == 204 {
            return Ok(None);
        }
        reply.read().map(Some)
    }

    fn take_update(&mut self, answer: UpdateAnswer) {
        let Some(before) = self.running.clone() else { return };
        let wait = answer.not_before.and_then(|at| (at - Utc::now()).to_std().ok()).unwrap_or_default();
        self.due.update = Some(Instant::now() + wait);
        self.trip = Some(Trip { answer, before, step: 0, began: Instant::now(), on_trial: false });
    }

    async fn change_over(&mut self, socket: &mut Socket, mut trip: Trip) -> Result<(), End> {
        for state in [UpdateState::Accepted, UpdateState::Staged] {
            self.say_update(socket, &mut trip, state, None).await?;
        }
        let path = format!("{}/updates/{}/go", self.identity.device, trip.answer.update_id);
        let answer = match self.token().await {
            Ok(token) => self.door.get(&path, &token).await.and_then(|reply| reply.read::<GoAnswer>()),
            Err(trouble) => Err(trouble),
        };
        let may_go = match answer {
            Ok(answer) => answer.go,
            Err(trouble) => {
                self.tally.trouble("go", &trouble);
                false
            }
        };
        if !may_go {
            return self.say_update(socket, &mut trip, UpdateState::FailedPre, Some(Reason::NoGo)).await;
        }
        self.say_update(socket, &mut trip, UpdateState::Switched, None).await?;
        let Some(updates) = self.manner.updates else { return Ok(()) };
        if updates.fate == Fate::Silent {
            return Err(End::Gone);
        }
        self.running = Some(Running {
            version: trip.answer.new_version.clone(),
            seq: trip.answer.seq,
            build_id: format!("simulated-{}", trip.answer.seq),
            sha256: Some(trip.answer.checksum.clone()),
            ..trip.before.clone()
        });
        trip.on_trial = true;
        self.due.update = Some(Instant::now() + updates.trial.mul_f64(0.5 + fastrand::f64()));
        self.trip = Some(trip);
        // A new process has a new socket, on which it says what it is.
        Err(End::Dropped(DisconnectReason::AgentStopped, Some(0)))
    }

    async fn end_trial(&mut self, socket: &mut Socket, mut trip: Trip) -> Result<(), End> {
        let is_good = self.manner.updates.is_some_and(|updates| updates.fate == Fate::Good);
        self.tally.took(Kind::Update, self.identity.number, trip.began.elapsed());
        if is_good {
            self.highest_seq = self.highest_seq.max(trip.answer.seq);
            return self.say_update(socket, &mut trip, UpdateState::Confirmed, None).await;
        }
        self.running = Some(trip.before.clone());
        self.say_update(socket, &mut trip, UpdateState::RolledBack, Some(Reason::Crashed)).await?;
        Err(End::Dropped(DisconnectReason::AgentStopped, Some(0)))
    }

    async fn say_update(
        &mut self,
        socket: &mut Socket,
        trip: &mut Trip,
        state: UpdateState,
        reason: Option<Reason>,
    ) -> Result<(), End> {
        let Some(running) = self.running.clone() else { return Ok(()) };
        trip.step += 1;
        let status = UpdateStatus {
            update_id: trip.answer.update_id,
            step: trip.step,
            state,
            running,
            seq: trip.answer.seq,
            reason,
            detail: String::new(),
            downloaded_bytes: None,
            gap_ms: None,
            log_lines: Vec::new(),
            at: Utc::now(),
        };
        self.tally.updated(state.word());
        self.tally.sent("update_status");
        socket.send(&ToServer::UpdateStatus(Box::new(status))).await.map_err(|_| lost())
    }
}
