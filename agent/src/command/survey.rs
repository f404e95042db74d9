//! What `reeve-agent status` and `doctor` show of commands, read from the files.

use super::{
    chain,
    standing::{Limits, ModeKept, Standing},
};
use crate::paths::Paths;
use entity::command::{ChainHead, Mode};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// How things stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// How the agent behaves.
    pub mode: Mode,
    /// True: strong commands are stopped.
    pub is_stopped: bool,
    /// Requests a second that are allowed to endpoints of this device.
    pub limits: Limits,
    /// How far the device's own record has come.
    pub chain_head: ChainHead,
}

/// Looks at the files.
#[must_use]
pub fn survey(paths: &Paths) -> Survey {
    let Standing { mode: ModeKept { mode, .. }, stops, limits } = Standing::load(paths);
    Survey { mode, is_stopped: stops.is_any(), limits, chain_head: chain::head(paths) }
}

impl Survey {
    /// For people, in one line.
    #[must_use]
    pub fn text(&self, knows_root: bool) -> String {
        let mut text = match (knows_root, self.is_stopped, self.mode) {
            (false, _, _) => {
                "refused: this device knows no key for commands; register again with --replace".to_owned()
            }
            (_, true, _) => "strong ones are refused: there is an emergency stop".to_owned(),
            (_, _, Mode::Safe) => "strong ones are refused: the agent is in safe mode".to_owned(),
            (_, _, Mode::Normal) => "taken, as far as the lock of this machine allows it".to_owned(),
        };
        let _ = write!(text, "; {} entries in their record", self.chain_head.seq);
        text
    }

    /// The limits, for people; none: nothing.
    #[must_use]
    pub fn limits_text(&self) -> Option<String> {
        let one = |(endpoint, rps): (&String, &u32)| format!("{endpoint} {rps} a second");
        let all: Vec<String> = self.limits.iter().map(one).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}
