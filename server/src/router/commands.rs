//! The routes of commands: what people ask devices for, and what devices say of it.

use super::{
    Audience::{Agents, People},
    Rest,
};
use crate::{
    api::{command, evidence, suggestion},
    link,
};
use entity::problem::ProblemCode;

/// What devices are asked to do, and what they say of it.
pub(super) fn of_commands(rest: Rest) -> Rest {
    rest.get(People, "/commands", "Commands, newest first", command::list)
        .post(People, "/commands", "Ask many devices for something", command::create)
        .may(&[ProblemCode::NotFound, ProblemCode::Conflict])
        .post(People, "/commands/preview", "Both locks before anything is asked", command::preview)
        .may(&[ProblemCode::NotFound, ProblemCode::Conflict])
        .get(People, "/commands/{id}", "One command", command::get)
        .get(
            People,
            "/commands/{id}/evidence",
            "Everything about a command, in one sealed file",
            evidence::evidence,
        )
        .may(&[ProblemCode::Unavailable])
        .get(People, "/agents/{id}/record", "How far a device's own record has come", evidence::record)
        .get(
            People,
            "/agents/{id}/record/entries",
            "List the entries of a device's own record",
            evidence::record_entries,
        )
        .delete(
            People,
            "/agents/{id}/record/fault",
            "Say that a record that is not what it was has been seen",
            evidence::acknowledge,
        )
        .may(&[ProblemCode::Conflict])
        .post(People, "/commands/{id}/cancel", "Take a command back", command::cancel)
        .may(&[ProblemCode::Conflict])
        .get(People, "/command-requests", "What was asked of devices, newest first", command::requests)
        .get(People, "/command-requests/{id}", "One request with its devices", command::request)
        .put(People, "/command-requests/{id}", "Change a request that no device has got", command::edit)
        .may(&[ProblemCode::Conflict])
        .post(People, "/command-requests/{id}/cancel", "Take a request back", command::cancel_request)
        .may(&[ProblemCode::Conflict])
        .get(People, "/suggestions", "Commands that alerts propose, newest first", suggestion::list)
        .post(People, "/suggestions/{id}/take", "Ask for what was suggested", suggestion::take)
        .may(&[ProblemCode::Conflict])
        .post(People, "/suggestions/{id}/dismiss", "Dismiss a suggestion", suggestion::dismiss)
        .may(&[ProblemCode::Conflict])
        .get(Agents, "/agents/{id}/commands", "What waits for the device", link::polling::commands)
        .post(People, "/agents/{id}/commands", "Ask a device for something", command::create_one)
        .may(&[ProblemCode::Conflict])
        .get(People, "/agents/{id}/command-history", "Commands of a device, newest first", command::of_device)
        .post(
            Agents,
            "/agents/{id}/commands/{command_id}/receipt",
            "The device has a command, or has begun it",
            link::polling::receipt,
        )
        .post(
            Agents,
            "/agents/{id}/commands/{command_id}/progress",
            "What a command writes while it runs",
            link::polling::progress,
        )
        .post(
            Agents,
            "/agents/{id}/commands/{command_id}/result",
            "How a command ended",
            link::polling::result,
        )
        .post(Agents, "/agents/{id}/chain", "Entries of the device's own record", link::polling::chain)
}
