//! How far updates have come: the supervisor's reports, kept until the server has stored them.

use entity::update::{UpdateStatus, UpdateStatusAck};
use std::time::{Duration, Instant};

/// Most reports that wait; the supervisor keeps them all and says them again at the next start.
const WAITING_MAX: usize = 64;

#[derive(Debug)]
struct Waiting {
    status: UpdateStatus,
    said_at: Option<Instant>,
}

/// Reports that wait, in the order in which they came.
#[derive(Debug, Default)]
pub struct Outbox(Vec<Waiting>);

impl Outbox {
    /// Another report; one that waits already is not doubled, and one that says less of the same state gives way.
    pub fn put(&mut self, status: UpdateStatus) {
        if self.0.iter().any(|known| is_about(&known.status, status.update_id, status.step)) {
            return;
        }
        let says_less = |known: &UpdateStatus| {
            known.update_id == status.update_id && known.state == status.state && known.step < status.step
        };
        self.0.retain(|waiting| !says_less(&waiting.status));
        if self.0.len() >= WAITING_MAX {
            self.0.remove(0);
        }
        self.0.push(Waiting { status, said_at: None });
    }

    /// The next that was not said.
    pub fn next(&mut self, now: Instant) -> Option<UpdateStatus> {
        let waiting = self.0.iter_mut().find(|waiting| waiting.said_at.is_none())?;
        waiting.said_at = Some(now);
        Some(waiting.status.clone())
    }

    /// What was said shortly before may not have been stored.
    pub fn anew(&mut self) {
        self.0.iter_mut().for_each(|waiting| waiting.said_at = None);
    }

    /// What was not acknowledged within this time is said again; true when there is such a thing.
    pub fn look_for_overdue(&mut self, now: Instant, patience: Duration) -> bool {
        let is_overdue = |waiting: &&mut Waiting| {
            waiting.said_at.is_some_and(|at| now.saturating_duration_since(at) >= patience)
        };
        self.0.iter_mut().filter(is_overdue).map(|waiting| waiting.said_at = None).count() > 0
    }

    /// The server has it; true when it waited.
    pub fn stored(&mut self, ack: &UpdateStatusAck) -> bool {
        let before = self.0.len();
        self.0.retain(|waiting| !is_about(&waiting.status, ack.update_id, ack.step));
        self.0.len() < before
    }

    /// True when nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_about(status: &UpdateStatus, update_id: entity::id::UpdateId, step: u32) -> bool {
    status.update_id == update_id && status.step == step
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use entity::{id::UpdateId, update::UpdateState};
    use uuid::Uuid;

    fn status(update: u128, step: u32) -> UpdateStatus {
        let state = if step > 9 { UpdateState::Downloading } else { UpdateState::ALL[step as usize] };
        UpdateStatus {
            update_id: UpdateId(Uuid::from_u128(update)),
            step,
            state,
            running: super::super::channel::running(true),
            seq: 2,
            reason: None,
            detail: String::new(),
            downloaded_bytes: None,
            gap_ms: None,
            log_lines: Vec::new(),
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_report_is_said_until_it_is_stored() {
        let mut outbox = Outbox::default();
        let now = Instant::now();
        for step in [1, 2, 2, 1] {
            outbox.put(status(1, step));
        }
        assert_eq!(outbox.next(now).map(|status| status.step), Some(1));
        assert_eq!(outbox.next(now).map(|status| status.step), Some(2));
        assert_eq!(outbox.next(now), None);
        let second = Duration::from_secs(1);
        assert!(!outbox.look_for_overdue(now, second));
        let ack = UpdateStatusAck { update_id: UpdateId(Uuid::from_u128(1)), step: 1 };
        assert!(outbox.stored(&ack) && !outbox.stored(&ack));
        assert!(outbox.look_for_overdue(now + second, second));
        assert_eq!(outbox.next(now).map(|status| status.step), Some(2));
        outbox.anew();
        assert_eq!(outbox.next(now).map(|status| status.step), Some(2));
        assert!(!outbox.is_empty());
        (10..500).for_each(|step| outbox.put(status(2, step)));
        assert_eq!(
            outbox.next(now).map(|status| status.step),
            Some(499),
            "how much was fetched is told once"
        );
        (1..200).for_each(|update| outbox.put(status(1_000 + update, 3)));
        assert_eq!(outbox.0.len(), WAITING_MAX);
    }
}
