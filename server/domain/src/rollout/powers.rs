//! What somebody may do about a rollout now.

use super::{change::starter, row::Rollout};
use crate::Cx;
use entity::{
    policy::Action,
    rollout::{RolloutEvent, RolloutPowers, RolloutState},
};

/// What whoever asks may do, told as if their identity were confirmed.
pub(super) fn powers(cx: &Cx, rollout: &Rollout) -> RolloutPowers {
    let state = rollout.row.state;
    let may = cx.me().may(Action::ManageRollout) && cx.reach().is_everything();
    if !may {
        return RolloutPowers {
            why_not: (!state.is_over())
                .then(|| "Rollouts are managed by those whose role says so.".to_owned()),
            ..RolloutPowers::default()
        };
    }
    let can = |event: RolloutEvent| state.on(event).is_some();
    let is_own = rollout.row.created_by == cx.me().id;
    let (waits, is_halted) = (state == RolloutState::AwaitingApproval, state == RolloutState::Halted);
    let started_it = starter(rollout) == cx.me().id;
    let why_not = if waits && is_own {
        Some("Somebody else than who made it has to say yes.".to_owned())
    } else if is_halted && started_it {
        Some("Somebody else than who started it has to let it go on after a halt.".to_owned())
    } else {
        None
    };
    RolloutPowers {
        // Whoever says yes later has written none of it.
        change: state == RolloutState::Draft && is_own,
        submit: state == RolloutState::Draft,
        approve: waits && !is_own,
        start: can(RolloutEvent::Start),
        pause: can(RolloutEvent::Pause),
        resume: can(RolloutEvent::Resume) && !(is_halted && started_it),
        halt: can(RolloutEvent::Halt),
        cancel: can(RolloutEvent::Cancel),
        roll_back: can(RolloutEvent::RollBack),
        why_not,
    }
}
