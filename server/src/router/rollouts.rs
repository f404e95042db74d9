//! The routes of rollouts: what people make of them, and what devices ask and say of their updates.

use super::{
    Audience::{Agents, People},
    Rest,
};
use crate::api::rollout;
use entity::problem::ProblemCode;

/// Rollouts, and updates of devices.
pub(super) fn of_rollouts(rest: Rest) -> Rest {
    rest.get(People, "/rollouts", "Rollouts, newest first", rollout::list)
        .post(People, "/rollouts", "Draft a rollout", rollout::create)
        .post(People, "/rollouts/preview", "What a rollout would do", rollout::preview)
        .post(
            People,
            "/rollouts/preview/devices",
            "All devices of one part of a preview",
            rollout::preview_devices,
        )
        .get(People, "/rollouts/policy", "Do rollouts need the yes of somebody else?", rollout::policy)
        .put(
            People,
            "/rollouts/policy",
            "Decide whether rollouts need the yes of somebody else",
            rollout::set_policy,
        )
        .get(People, "/rollouts/{id}", "One rollout with its waves", rollout::get)
        .put(People, "/rollouts/{id}", "Write a draft anew", rollout::redraft)
        .may(&[ProblemCode::Conflict])
        .get(People, "/rollouts/{id}/devices", "Devices of a rollout, newest first", rollout::devices)
        .post(People, "/rollouts/{id}/submit", "Hand a draft in", rollout::submit)
        .may(&[ProblemCode::Conflict])
        .post(People, "/rollouts/{id}/approve", "Say yes to a rollout of somebody else", rollout::approve)
        .may(&[ProblemCode::Conflict])
        .post(People, "/rollouts/{id}/start", "Start a rollout", rollout::start)
        .may(&[ProblemCode::Conflict])
        .post(People, "/rollouts/{id}/pause", "Hold a rollout", rollout::pause)
        .may(&[ProblemCode::Conflict])
        .post(People, "/rollouts/{id}/resume", "Let a rollout go on", rollout::resume)
        .may(&[ProblemCode::Conflict])
        .post(
            People,
            "/rollouts/{id}/halt",
            "Stop a rollout until somebody else lets it go on",
            rollout::halt,
        )
        .may(&[ProblemCode::Conflict])
        .post(People, "/rollouts/{id}/cancel", "Take a rollout back", rollout::cancel)
        .may(&[ProblemCode::Conflict])
        .post(People, "/rollouts/{id}/roll-back", "Undo a rollout with a newer release", rollout::roll_back)
        .may(&[ProblemCode::Conflict])
        .get(People, "/agents/{id}/updates", "Updates of a device, newest first", rollout::of_device)
        .get(Agents, "/agents/{id}/updates/{update_id}/go", "May the device change over now?", rollout::go)
        .post(Agents, "/agents/{id}/updates/{update_id}", "How far an update has come", rollout::report)
}
