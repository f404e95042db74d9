//! What is measured, on which database, and for how long.

use anyhow::{Result, bail};
use std::time::Duration;

/// Sizes and times of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// True for a look at the shape of things; its numbers wobble.
    pub quick: bool,
    /// Devices of the fleet.
    pub devices: usize,
    /// Devices whose month is loaded for density and history.
    pub history_devices: usize,
    /// How long a load or a ruler runs.
    pub load: Duration,
    /// How long a steady state is watched.
    pub watch: Duration,
    only: Vec<String>,
    pub sqlite: bool,
    pub postgres: bool,
}

/// Parts that `--only` knows.
pub const PARTS: [&str; 16] = [
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "10",
    "11",
    "13",
    "14",
    "fairness",
    "restarts",
    "footprint",
];

impl Plan {
    /// A plan for what was asked.
    ///
    /// # Errors
    /// When a part has a name that is not known.
    pub fn new(quick: bool, only: Vec<String>, sqlite: bool, postgres: bool) -> Result<Self> {
        if let Some(unknown) = only.iter().find(|part| !PARTS.contains(&part.as_str())) {
            bail!("there is no part {unknown}; choose among {}", PARTS.join(", "));
        }
        let seconds = |whole, short| Duration::from_secs(if quick { short } else { whole });
        Ok(Self {
            quick,
            devices: if quick { 2_000 } else { 10_000 },
            history_devices: if quick { 6 } else { 30 },
            load: seconds(4, 2),
            watch: seconds(12, 6),
            only,
            sqlite: sqlite || !postgres,
            postgres: postgres || !sqlite,
        })
    }

    /// Is this all that is wanted?
    pub fn is_only(&self, part: &str) -> bool {
        !self.only.is_empty() && self.only.iter().all(|only| only == part)
    }

    /// Is any of these parts wanted?
    pub fn wants(&self, parts: &[&str]) -> bool {
        self.only.is_empty() || parts.iter().any(|part| self.only.iter().any(|only| only == part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_and_everything_unless_told_otherwise() {
        let plan = Plan::new(true, vec![], false, false).expect("good");
        assert!(plan.sqlite && plan.postgres && plan.wants(&["7"]));
        let plan = Plan::new(true, vec!["4".to_owned()], true, false).expect("good");
        assert!(plan.sqlite && !plan.postgres && plan.wants(&["3", "4"]) && !plan.wants(&["5"]));
        assert!(!plan.is_only("3") && plan.is_only("4"));
        assert!(Plan::new(true, vec!["12".to_owned()], false, false).is_err());
    }
}
