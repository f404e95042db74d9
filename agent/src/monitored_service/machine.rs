//! What happened to a service between two looks; pure.

use entity::{monitored_service::ServiceEventKind, system_service::ServiceStatus};
use serde::{Deserialize, Serialize};

/// A service as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// What it is doing; absent when there is no such service.
    pub status: Option<ServiceStatus>,
    /// Main process.
    pub pid: Option<u32>,
    /// Names this run of it, where the service manager does; another run has another name.
    pub run: Option<String>,
    /// How often the service manager restarted it by itself since somebody started it.
    pub restarts: u32,
    /// How its last main process ended, when it failed.
    pub exit_code: Option<i32>,
}

impl Seen {
    /// On its way up or down; nothing has happened until it is there.
    #[must_use]
    pub const fn is_moving(&self) -> bool {
        matches!(self.status, Some(ServiceStatus::Starting | ServiceStatus::Stopping))
    }

    const fn runs(&self) -> bool {
        matches!(self.status, Some(ServiceStatus::Running))
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// What.
    pub kind: ServiceEventKind,
    /// A sentence.
    pub summary: String,
}

/// What happened between two looks that both found it settled. `before` is absent at the first look.
#[must_use]
pub fn happened(name: &str, before: Option<&Seen>, after: &Seen) -> Vec<Happened> {
    use ServiceEventKind::{Crashed, Missing, Started, Stopped};
    let one = |kind, summary: String| vec![Happened { kind, summary }];
    let code = after.exit_code.map_or_else(String::new, |code| format!(" (exit code {code})"));
    let Some(before) = before else {
        return match after.status {
            None => one(Missing, format!("There is no service {name} on this device")),
            Some(_) => Vec::new(),
        };
    };
    match (before.status, after.status) {
        (Some(_), None) => one(Missing, format!("The service {name} is no longer on this device")),
        (None, None) => Vec::new(),
        (None, Some(ServiceStatus::Running)) => one(Started, format!("{name} is there and runs")),
        _ if before.runs() && after.runs() => restarted(name, before, after),
        (Some(ServiceStatus::Running), Some(ServiceStatus::Failed)) => {
            one(Crashed, format!("{name} was running and has failed{code}"))
        }
        (Some(ServiceStatus::Running), Some(ServiceStatus::Stopped)) => {
            one(Stopped, format!("{name} was stopped"))
        }
        (Some(_), Some(ServiceStatus::Running)) => one(Started, format!("{name} was started")),
        (Some(ServiceStatus::Stopped), Some(ServiceStatus::Failed)) => {
            one(Crashed, format!("{name} could not be started{code}"))
        }
        // Failed twice in different runs: something started it in between, and it failed again.
        (Some(ServiceStatus::Failed), Some(ServiceStatus::Failed)) if is_another_run(before, after) => {
            one(Crashed, format!("{name} was started and has failed again{code}"))
        }
        _ => Vec::new(),
    }
}

fn is_another_run(before: &Seen, after: &Seen) -> bool {
    match (&before.run, &after.run) {
        (Some(before), Some(after)) => before != after,
        // Where runs have no names, another process is another run.
        _ => before.pid.is_some() && after.pid.is_some() && before.pid != after.pid,
    }
}

fn restarted(name: &str, before: &Seen, after: &Seen) -> Vec<Happened> {
    if !is_another_run(before, after) {
        return Vec::new();
    }
    let by_itself = after.restarts > before.restarts;
    let ended = by_itself.then(|| Happened {
        kind: ServiceEventKind::Crashed,
        summary: format!("{name} was running and ended by itself"),
    });
    let by = if by_itself { " by the service manager" } else { "" };
    let again = Happened { kind: ServiceEventKind::Restarted, summary: format!("{name} was restarted{by}") };
    ended.into_iter().chain([again]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ServiceStatus::{Failed, Running, Stopped};

    fn seen(status: Option<ServiceStatus>, run: &str, restarts: u32) -> Seen {
        Seen { status, pid: Some(7), run: Some(run.to_owned()), restarts, exit_code: None }
    }

    #[test]
    fn what_happens_between_two_looks_is_told_once() {
        let (up, down, failed, gone) = (
            seen(Some(Running), "1", 0),
            seen(Some(Stopped), "", 0),
            Seen { exit_code: Some(139), ..seen(Some(Failed), "1", 0) },
            Seen::default(),
        );
        let words = |before: Option<&Seen>, after: &Seen| -> Vec<&'static str> {
            happened("a", before, after).iter().map(|one| one.kind.word()).collect()
        };
        for (before, after, expected) in [
            (None, &up, vec![]),
            (None, &failed, vec![]),
            (None, &gone, vec!["service_missing"]),
            (Some(&up), &up, vec![]),
            (Some(&up), &failed, vec!["service_crashed"]),
            (Some(&up), &down, vec!["service_stopped"]),
            (Some(&up), &gone, vec!["service_missing"]),
            (Some(&down), &up, vec!["service_started"]),
            (Some(&failed), &up, vec!["service_started"]),
            (Some(&gone), &up, vec!["service_started"]),
            (Some(&down), &failed, vec!["service_crashed"]),
            (Some(&failed), &failed, vec![]),
            (Some(&failed), &down, vec![]),
            (Some(&down), &gone, vec!["service_missing"]),
            (Some(&gone), &gone, vec![]),
        ] {
            assert_eq!(words(before, after), expected, "{before:?} → {after:?}");
        }
        let again = Seen { run: Some("2".to_owned()), ..failed.clone() };
        assert_eq!(words(Some(&failed), &again), ["service_crashed"]);
        let by_somebody = seen(Some(Running), "2", 0);
        assert_eq!(words(Some(&up), &by_somebody), ["service_restarted"]);
        let by_itself = seen(Some(Running), "2", 1);
        assert_eq!(words(Some(&up), &by_itself), ["service_crashed", "service_restarted"]);
        assert!(happened("a", Some(&up), &failed)[0].summary.ends_with("(exit code 139)"));
    }

    #[test]
    fn without_names_of_runs_another_process_is_another_run() {
        let with = |pid| Seen { status: Some(Running), pid, ..Seen::default() };
        assert!(happened("a", Some(&with(Some(1))), &with(Some(1))).is_empty());
        assert_eq!(happened("a", Some(&with(Some(1))), &with(Some(2))).len(), 1);
        assert!(happened("a", Some(&with(None)), &with(Some(2))).is_empty());
    }
}
