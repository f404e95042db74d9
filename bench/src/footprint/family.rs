//! What a process takes of a machine, with the processes that it has started.

use crate::machine::{self, Threads};
use std::fs;

/// A process and its children.
pub struct Family {
    members: Vec<(u32, Threads)>,
    before: u64,
}

/// What a family takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Resident set, bytes.
    pub rss_bytes: f64,
    /// Of it what belongs to no file.
    pub anonymous_bytes: f64,
    /// Resident, with what others share counted in parts; not a number where the kernel does not say.
    pub pss_bytes: f64,
    /// Of one core.
    pub cpu_percent: f64,
    pub threads: u64,
}

impl Family {
    /// A process alone.
    pub fn alone(pid: u32) -> Self {
        Self { members: vec![(pid, Threads::default())], before: 0 }
    }

    /// A process with the children that it has by now.
    pub fn whole(pid: u32) -> Self {
        let mut family = Self::alone(pid);
        let mut at = 0;
        while let Some((parent, _)) = family.members.get(at) {
            let children = machine::children(*parent);
            family.members.extend(children.into_iter().map(|child| (child, Threads::default())));
            at += 1;
        }
        family
    }

    /// Begins to count processor time.
    pub fn begin(&mut self) {
        self.look();
        self.before = self.nanoseconds();
    }

    /// Looks again; to be called more often than threads come and go.
    pub fn look(&mut self) {
        for (pid, threads) in &mut self.members {
            threads.look(*pid);
        }
    }

    fn nanoseconds(&self) -> u64 {
        self.members.iter().map(|(_, threads)| threads.nanoseconds()).sum()
    }

    /// What it takes now, and took of a processor in the seconds since [`Family::begin`].
    pub fn cost(&self, seconds: f64) -> Cost {
        let pids = || self.members.iter().map(|(pid, _)| *pid);
        let used = self.nanoseconds().saturating_sub(self.before);
        Cost {
            rss_bytes: pids().map(machine::rss_bytes).sum::<u64>() as f64,
            anonymous_bytes: pids().map(machine::anonymous_bytes).sum::<u64>() as f64,
            pss_bytes: pids().map(|pid| machine::pss_bytes(pid).map_or(f64::NAN, |bytes| bytes as f64)).sum(),
            cpu_percent: used as f64 / 1e9 / seconds * 100.0,
            threads: pids().map(threads).sum(),
        }
    }
}

fn threads(pid: u32) -> u64 {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, |tasks| tasks.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_a_process_and_what_it_started() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep");
        let mut family = Family::whole(std::process::id());
        assert!(family.members.iter().any(|(pid, _)| *pid == child.id()));
        family.begin();
        let cost = family.cost(1.0);
        let alone = Family::alone(std::process::id()).cost(1.0);
        assert!(cost.threads > 1 && cost.anonymous_bytes > 0.0 && cost.rss_bytes > alone.rss_bytes);
        child.kill().expect("ended");
        child.wait().expect("ended");
    }
}
