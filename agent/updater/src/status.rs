//! What the updater of a data directory knows, for people and tools: reads only, and takes no lock.

use crate::{
    denied::Denied,
    engine::names,
    fs::Fs,
    record::{Record, heal::Heal, journal::Journal, memory::Memory, own::Own, pointer::Pointer},
    slot::{self, Build, Home},
    trust::Trust,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::fmt::Write as _;

/// Everything that is known.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// What runs and what is kept; none when there is no valid copy.
    pub pointer: Option<Pointer>,
    /// How far the update has come, and what the server has not heard of it.
    pub journal: Journal,
    /// The slots.
    pub slots: Vec<SlotStatus>,
    /// What is not to be tried.
    pub denied: Denied,
    /// What is believed.
    pub trust: TrustStatus,
    /// What became of the supervisor's own update; none when there was none.
    pub own: Option<Own>,
    /// What does not come up any more, and what is counted towards it.
    pub heal: Heal,
}

/// One slot.
#[derive(Clone, Debug, Serialize)]
pub struct SlotStatus {
    /// What it says that it holds.
    pub build: Build,
    /// True when every byte is as it was signed.
    pub verifies: bool,
    /// True when it has passed its trial here.
    pub is_proven: bool,
}

/// What is believed.
#[derive(Clone, Debug, Serialize)]
pub struct TrustStatus {
    /// Version of the root; 0 for none.
    pub root_version: u64,
    /// Until when that root is good for updates.
    pub root_expires: Option<DateTime<Utc>>,
    /// The latest time that was believed.
    pub time_floor: Option<DateTime<Utc>>,
    /// The highest sequence that was confirmed.
    pub highest_seq: u64,
    /// Whatever is below must not run if there is something else.
    pub min_secure: u64,
    /// When the last fresh timestamp came, by this machine's clock.
    pub fresh_at: Option<DateTime<Utc>>,
}

/// Reads it.
#[must_use]
pub fn read(fs: &impl Fs, home: &Home) -> Status {
    let state = home.state();
    let memory = Record::<Memory>::open(fs, &state, names::TRUST).1.value.unwrap_or_default();
    let trust = Trust::of(memory.clone(), None);
    let slots = slot::list(fs, home).into_iter().map(|build| SlotStatus {
        verifies: slot::verifies(fs, home, &build),
        is_proven: slot::is_proven(fs, home, &build),
        build,
    });
    Status {
        pointer: Record::<Pointer>::open(fs, &state, names::POINTER).1.value,
        journal: Record::<Journal>::open(fs, &state, names::JOURNAL).1.value.unwrap_or_default(),
        slots: slots.collect(),
        denied: Denied::open(fs, &state),
        own: Record::<Own>::open(fs, &state, names::OWN).1.value,
        heal: Record::<Heal>::open(fs, &state, names::HEAL).1.value.unwrap_or_default(),
        trust: TrustStatus {
            root_version: trust.root_version(),
            root_expires: trust.root().map(|root| root.expires),
            time_floor: memory.time_floor,
            highest_seq: memory.highest_seq,
            min_secure: memory.min_secure,
            fresh_at: memory.fresh_at,
        },
    }
}

impl Status {
    /// For a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let name =
            |place: Option<&Build>| place.map_or_else(|| "the installed program".to_owned(), Build::name);
        let pointer = self.pointer.clone().unwrap_or_default();
        // Writing into a string cannot fail.
        let _ = writeln!(text, "runs:    {}", name(pointer.current.slot()));
        if let Some(kept) = &pointer.kept {
            let _ = writeln!(text, "kept:    {}", name(kept.slot()));
        }
        match &self.journal.update {
            None => text.push_str("update:  none\n"),
            Some(update) => {
                let why = update
                    .reason
                    .map_or_else(String::new, |reason| format!(": {} {}", reason.word(), update.detail));
                let _ = writeln!(
                    text,
                    "update:  {} to {} ({}){why}",
                    update.stage.state().word(),
                    update.to.version,
                    update.to.name()
                );
            }
        }
        if let Some(own) = &self.own {
            let Own { stage, to, detail, .. } = own;
            let _ = writeln!(text, "updater: {} {}: {detail}", to.version, stage.words());
        }
        for slot in &self.slots {
            let verdict = if slot.verifies { "verifies" } else { "is damaged" };
            let proven = if slot.is_proven { ", has passed its trial" } else { "" };
            let _ = writeln!(text, "slot:    {} {} {verdict}{proven}", slot.build.name(), slot.build.version);
        }
        for (sha256, failures) in &self.denied.failed {
            let until = failures
                .until
                .map_or_else(|| "not denied yet".to_owned(), |until| format!("denied until {until}"));
            let _ = writeln!(text, "failed:  {sha256} {} times, {until}", failures.tries);
        }
        for one in &self.heal.stalled {
            let _ =
                writeln!(text, "ailing:  {} {} until {}: {}", one.sha256, one.version, one.until, one.detail);
        }
        for sha256 in &self.denied.revoked {
            let _ = writeln!(text, "revoked: {sha256}");
        }
        let trust = &self.trust;
        match trust.root_expires {
            None => text.push_str("trust:   no root\n"),
            Some(expires) => {
                let _ = writeln!(
                    text,
                    "trust:   root {} until {expires}, highest sequence {}",
                    trust.root_version, trust.highest_seq
                );
            }
        }
        text
    }
}
