//! The routes of lock one: what people approve, what has to be approved, the emergency stop, and the scripts that are
//! approved.

use super::{Audience::People, Rest};
use crate::api::{approval, approval_policy, emergency_stop, script};
use entity::problem::ProblemCode::{Conflict, NotFound};

/// Approvals, policies and the emergency stop.
pub(super) fn of_approvals(rest: Rest) -> Rest {
    of_policies(rest)
        .get(People, "/approvals", "Requests that wait for people, newest first", approval::list)
        .get(People, "/approvals/{id}", "One request, for those who decide it", approval::get)
        .post(People, "/approvals/{id}/approve", "Approve a request", approval::approve)
        .may(&[Conflict])
        .post(People, "/approvals/{id}/reject", "Reject a request", approval::reject)
        .may(&[Conflict])
        .post(People, "/approvals/{id}/revoke", "Take one's own approval back", approval::revoke)
        .may(&[Conflict])
        .post(
            People,
            "/approvals/{id}/break-glass",
            "Let a request pass alone, in an emergency",
            approval::break_glass,
        )
        .may(&[Conflict])
        .get(
            People,
            "/approvals/{id}/review",
            "What was let pass alone, and who looked at it",
            approval::review_of,
        )
        .post(
            People,
            "/approvals/{id}/review",
            "Say that one looked at what was let pass alone",
            approval::review,
        )
        .may(&[Conflict])
        .get(People, "/emergency-stop", "Where strong commands are stopped", emergency_stop::list)
        .may(&[NotFound])
        .post(People, "/emergency-stop", "Stop every strong command", emergency_stop::stop)
        .may(&[NotFound])
        .post(People, "/emergency-stop/rearm", "Agree that strong commands go on", emergency_stop::rearm)
        .may(&[NotFound, Conflict])
}

fn of_policies(rest: Rest) -> Rest {
    rest.get(People, "/approval-policies", "What has to be approved at each business", approval_policy::list)
        .get(
            People,
            "/approval-policies/default",
            "What has to be approved where a business does not decide",
            approval_policy::get_default,
        )
        .put(
            People,
            "/approval-policies/default",
            "Decide what has to be approved where a business does not",
            approval_policy::set_default,
        )
        .may(&[Conflict])
        .get(
            People,
            "/approval-policies/default/revisions",
            "What held before, newest first",
            approval_policy::revisions_of_default,
        )
        .get(
            People,
            "/businesses/{id}/approval-policy",
            "What has to be approved at a business",
            approval_policy::get_business,
        )
        .put(
            People,
            "/businesses/{id}/approval-policy",
            "Decide what has to be approved at a business",
            approval_policy::set_business,
        )
        .may(&[Conflict])
        .get(
            People,
            "/businesses/{id}/approval-policy/revisions",
            "What held before at a business, newest first",
            approval_policy::revisions_of_business,
        )
}

/// The library of scripts.
pub(super) fn of_scripts(rest: Rest) -> Rest {
    rest.get(People, "/scripts", "Scripts, by name", script::list)
        .may(&[NotFound])
        .post(People, "/scripts", "Add a script", script::add)
        .may(&[NotFound, Conflict])
        .get(People, "/scripts/{id}", "One script", script::get)
        .put(People, "/scripts/{id}", "Rename or describe a script", script::change)
        .may(&[Conflict])
        .delete(People, "/scripts/{id}", "Put a script away", script::archive)
        .may(&[Conflict])
        .get(People, "/scripts/{id}/versions", "Versions of a script, newest first", script::versions)
        .post(People, "/scripts/{id}/versions", "Add a version of a script", script::add_version)
        .may(&[Conflict])
        .get(People, "/script-versions/{id}", "One version with its text", script::get_version)
}
