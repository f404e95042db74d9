//! What people at the machine are shown about updates.

use crate::{
    doctor::{Check, Outcome},
    paths::Paths,
    protect::{self, Kind},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{release::Reason, update::Running};
use serde::{Deserialize, Serialize};
use std::{fmt::Write as _, path::Path};
use updater::{fs::Disk, slot::Home};

/// Without a fresh word about releases for so long a device is kept from it.
const FROZEN_AFTER: TimeDelta = TimeDelta::hours(72);

/// What an agent knows of updates while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// What runs.
    pub running: Running,
    /// The slot that it runs from; none: the installed program.
    pub slot: Option<String>,
    /// The highest sequence that the device has confirmed, once the supervisor has said so.
    pub highest_seq: Option<u64>,
    /// Version of the root that the device trusts, once the supervisor has said so; 0 for none.
    pub root_version: Option<u64>,
    /// When the server last answered whether something newer is due.
    pub asked_at: Option<DateTime<Utc>>,
    /// What last came to nothing.
    pub failure: Option<(Reason, String)>,
}

impl Live {
    pub(super) fn new(running: Running) -> Self {
        let program = std::env::current_exe().ok();
        Self {
            running,
            slot: program.as_deref().and_then(slot_of),
            highest_seq: None,
            root_version: None,
            asked_at: None,
            failure: None,
        }
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let Running { version, seq, build_id, .. } = &self.running;
        let mut text = match seq {
            0 => format!("{version}, no release ({build_id})"),
            _ => format!("{version}, release {seq} ({build_id})"),
        };
        match &self.slot {
            Some(slot) => _ = write!(text, " in slot {slot}"),
            None => text.push_str(", as installed"),
        }
        if !self.running.is_supervised {
            text.push_str("; has no supervisor that keeps versions of it, so it is not updated");
            return text;
        }
        match self.root_version {
            None => text.push_str("; supervised"),
            Some(0) => text.push_str("; supervised, trusts no releases yet"),
            Some(root) => _ = write!(text, "; supervised, trusts root {root}"),
        }
        if let Some(at) = self.asked_at {
            _ = write!(text, ", asked {}", at.format("%Y-%m-%d %H:%M UTC"));
        }
        if let Some((reason, detail)) = &self.failure {
            _ = write!(text, "; last update: {} ({detail})", reason.label());
        }
        text
    }
}

/// The name of the slot that a program lies in, which is a folder of folders of a certain name.
fn slot_of(program: &Path) -> Option<String> {
    let slot = program.parent()?;
    let is_slot = slot.parent()?.file_name()? == "slots";
    slot.file_name().filter(|_| is_slot)?.to_str().map(str::to_owned)
}

/// What stands in the way of updates.
#[must_use]
pub fn checks(paths: &Paths, live: &Live) -> Vec<Check> {
    let mut checks = vec![if live.running.is_supervised {
        Check::new("supervised", Outcome::Ok, live.text())
    } else {
        let detail = "no supervisor keeps versions of this agent: it is not updated";
        Check::new("supervised", Outcome::Warning, detail)
    }];
    if live.running.is_supervised {
        checks.push(match live.root_version {
            Some(0) => Check::new(
                "release root",
                Outcome::Warning,
                "none is pinned: no update is taken. It comes with the registration, or with reeve-agent trust root FILE",
            ),
            Some(version) => Check::new("release root", Outcome::Ok, format!("root {version} is pinned")),
            None => Check::new("release root", Outcome::Warning, "the supervisor has not said which it trusts"),
        });
        checks.push(freshness(paths));
    }
    let folders = ["", "slots", "state", "staging"].map(|name| paths.updates().join(name));
    let findings: Vec<_> = folders.iter().flat_map(|folder| protect::look(folder, Kind::Folder)).collect();
    checks.push(match findings.first() {
        None => {
            Check::new("update folder", Outcome::Ok, format!("{} is protected", paths.updates().display()))
        }
        Some(finding) => Check::new("update folder", Outcome::Wrong, finding.to_string()),
    });
    checks
}

/// Since when the server's word is fresh, as the supervisor has it.
fn freshness(paths: &Paths) -> Check {
    let fresh_at = updater::status::read(&Disk, &Home::under(paths.folder())).trust.fresh_at;
    let hours = FROZEN_AFTER.num_hours();
    match fresh_at {
        None => Check::new("releases", Outcome::Ok, "no word about releases yet"),
        Some(at) if Utc::now() - at < FROZEN_AFTER => {
            Check::new("releases", Outcome::Ok, format!("last fresh word: {}", at.to_rfc3339()))
        }
        Some(at) => Check::new(
            "releases",
            Outcome::Warning,
            format!(
                "frozen: no fresh word about releases for more than {hours} h, since {}",
                at.to_rfc3339()
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_known_by_its_place() {
        let slot = |path: &str| slot_of(Path::new(path));
        assert_eq!(slot("/d/updates/slots/12-0a1b2c3d/reeve-agent").as_deref(), Some("12-0a1b2c3d"));
        assert_eq!(slot("/usr/local/lib/reeve/reeve-agent"), None);
        assert_eq!(slot("reeve-agent"), None);
    }

    #[test]
    fn people_read_what_runs_and_what_stands_in_the_way() {
        let running = Running { seq: 7, version: "1.2.0".to_owned(), ..super::super::running(false) };
        let mut live = Live::new(running);
        assert!(live.text().starts_with("1.2.0, release 7 ("), "{}", live.text());
        assert!(live.text().ends_with("so it is not updated"), "{}", live.text());
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path().join("d"));
        let names = |live: &Live| -> Vec<(String, Outcome)> {
            checks(&paths, live).into_iter().map(|check| (check.name, check.outcome)).collect()
        };
        assert_eq!(names(&live)[0], ("supervised".to_owned(), Outcome::Warning));
        live.running.is_supervised = true;
        live.root_version = Some(0);
        let warned = names(&live).into_iter().filter(|(_, outcome)| *outcome == Outcome::Warning);
        assert_eq!(warned.map(|(name, _)| name).collect::<Vec<_>>(), ["release root"]);
    }
}
