//! How far the update has come, and what the server has not heard of it yet.

use super::pointer::Place;
use crate::{gate::Spent, machine::Stage, slot::Build};
use chrono::{DateTime, Utc};
use entity::{id::UpdateId, release::Reason, update::UpdateStatus};
use serde::{Deserialize, Serialize};

/// Between the step of one stage and of the next there is room for what is said in between without the journal.
pub const STEPS: u32 = 1000;
/// Most updates of which something is left to say.
const REPORTS_MAX: usize = 20;

/// One update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The server's name for it.
    pub id: UpdateId,
    /// How far it has come.
    pub stage: Stage,
    /// What it brings.
    pub to: Build,
    /// The supervisor of the same release, when it is newer than the one that runs: its turn comes when this is confirmed.
    #[serde(default)]
    pub supervisor: Option<Build>,
    /// What ran before.
    pub from: Place,
    /// What was kept before.
    #[serde(default)]
    pub kept_before: Option<Place>,
    /// Writes of the journal so far.
    pub writes: u32,
    /// Of the last report.
    pub step: u32,
    /// How often the trial was begun; going on with it between two restarts of the machine is no beginning.
    #[serde(default)]
    pub attempts: u32,
    /// Between which restarts of the machine the trial was begun last; none where the system does not say.
    #[serde(default)]
    pub boot_id: Option<String>,
    /// What the trial has had of its time since then, as it was written down last.
    #[serde(default)]
    pub spent: Spent,
    /// Why it failed.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// The same in words.
    #[serde(default)]
    pub detail: String,
    /// How long no agent ran, in milliseconds.
    #[serde(default)]
    pub gap_ms: Option<u64>,
    /// The last lines of the build that failed.
    #[serde(default)]
    pub log_lines: Vec<String>,
    /// Until when the grant is good if the server cannot be asked.
    pub lease_expires_at: DateTime<Utc>,
}

/// What `state/journal` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The update that is under way, or the last one that came to nothing.
    #[serde(default)]
    pub update: Option<Update>,
    /// The last one that was confirmed, for as long as there is a way back.
    #[serde(default)]
    pub confirmed: Option<Update>,
    /// The last that is to be said of each update, until the server has stored it.
    #[serde(default)]
    pub reports: Vec<UpdateStatus>,
}

impl Journal {
    /// The update that is under way.
    #[must_use]
    pub fn active(&self) -> Option<&Update> {
        self.update.as_ref().filter(|update| !update.stage.is_terminal())
    }

    /// Puts a report in the place of the one before about the same update.
    pub fn report(&mut self, status: UpdateStatus) {
        self.reports.retain(|one| one.update_id != status.update_id);
        if self.reports.len() >= REPORTS_MAX {
            // How one ended is worth more than that one was offered.
            let least = self.reports.iter().position(|one| !one.state.is_terminal()).unwrap_or(0);
            self.reports.remove(least);
        }
        self.reports.push(status);
    }

    /// Forgets what the server has stored. True when there was something to forget.
    pub fn stored(&mut self, id: UpdateId, step: u32) -> bool {
        let before = self.reports.len();
        self.reports.retain(|one| one.update_id != id || one.step > step);
        before != self.reports.len()
    }
}
