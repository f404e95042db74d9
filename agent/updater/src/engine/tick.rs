//! What happens because time has passed.

use super::{Engine, Now, Order};
use crate::{
    channel::ToAgent,
    fs::Fs,
    machine::{Event, Stage},
};
use entity::release::Reason;

impl<F: Fs> Engine<F> {
    /// Looks at the clock.
    pub fn tick(&mut self, now: Now) {
        self.look_at_freshness(now);
        self.look_for_hello(now);
        self.tick_own(now);
        let Some(stage) = self.stage() else { return };
        let age = now.mono_ms.saturating_sub(self.timers.stage);
        let is_again = self.timers.again.is_some_and(|at| now.mono_ms >= at);
        match stage {
            Stage::Accepted => {
                if self.timers.not_before.is_none_or(|at| now.mono_ms >= at) {
                    self.advance(Event::Begin, now);
                }
            }
            Stage::Downloading => {
                if age > self.terms.download_max_ms {
                    self.fail(Reason::DownloadFailed, "the time for it is over", now);
                } else if is_again {
                    self.timers.again = None;
                    self.fetch();
                }
            }
            Stage::Staged => {
                if age > self.terms.staged_max_ms {
                    self.fail(Reason::NoGo, "no server could be reached in all this time", now);
                } else if is_again && self.timers.probe.is_none() && self.timers.control.is_none() {
                    self.probe(now);
                }
            }
            Stage::Probed => {
                if is_again && !self.agent.is_connected && self.has_lease(now) {
                    // Nobody is there to ask the server: what runs may be what is to be mended.
                    self.advance(Event::Go, now);
                } else if age > self.terms.go_max_ms {
                    self.fail(Reason::NoGo, "the server could not be asked", now);
                } else if is_again {
                    self.ask_go(now);
                }
            }
            Stage::Switching => {
                if age > self.terms.quiesce_ms && self.agent.is_up && self.timers.again.is_none() {
                    self.timers.again = Some(u64::MAX);
                    self.orders.push(Order::Stop);
                }
            }
            Stage::Trial => self.look(now),
            Stage::Confirmed | Stage::RollingBack | Stage::RolledBack | Stage::FailedPre => {}
        }
    }

    /// A server that answers yesterday's answers, or none, is noticed; what runs goes on.
    fn look_at_freshness(&mut self, now: Now) {
        let memory = &self.trust.memory;
        if self.trust.root().is_none() || memory.is_frozen_said || !self.agent.is_connected {
            return;
        }
        let since_start = now.mono_ms.saturating_sub(self.timers.fresh);
        let by_wall = memory.fresh_at.map_or(0, |at| now.wall.signed_duration_since(at).num_milliseconds());
        if since_start.max(u64::try_from(by_wall).unwrap_or(0)) < self.terms.frozen_ms {
            return;
        }
        self.trust.memory.is_frozen_said = true;
        self.remember();
        let detail = format!("update_frozen: no fresh timestamp for {} h", self.terms.frozen_ms / 3_600_000);
        self.say(detail.clone());
        self.send(ToAgent::Failed { reason: Reason::TimestampExpired, detail, version: String::new() });
    }
}
