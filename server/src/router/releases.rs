//! The routes of releases: what people bring and look at, and what devices ask.

use super::{
    Audience::{Agents, People},
    Rest,
};
use crate::{
    api::{business, release},
    link::update,
};
use entity::problem::ProblemCode;

/// Releases, their roots and files, and whether an update is due.
pub(super) fn of_releases(rest: Rest) -> Rest {
    rest.get(People, "/releases", "Releases, newest first", release::list)
        .post(People, super::UPLOAD, "Bring a release, or a file of one", release::upload)
        .may(&[ProblemCode::NotFound])
        .get(People, "/releases/roots", "Roots of release trust, the one in force first", release::roots)
        .post(People, "/releases/roots", "Trust a root", release::add_root)
        .may(&[ProblemCode::Conflict])
        .post(People, "/releases/roots/look", "Look at a root before it is trusted", release::look_at_root)
        .get(People, "/releases/{id}", "One release with its files", release::get)
        .patch(People, "/releases/{id}", "Change the notes of a release, or take it back", release::change)
        .may(&[ProblemCode::Conflict])
        .get(People, "/agents/{id}/release-channel", "Which releases a device is for", release::channel)
        .put(
            People,
            "/agents/{id}/release-channel",
            "Decide which releases a device is for",
            release::set_channel,
        )
        .put(
            People,
            "/businesses/{id}/release-channel",
            "Decide which releases the devices of a business are for",
            business::set_channel,
        )
        .get(
            Agents,
            "/artifacts/sha256/{sha256}",
            "A file of a release, for devices and people of the MSP",
            release::artifact,
        )
        .get(Agents, "/agents/check_update", "Is an update due?", update::check_update)
        .may(&[ProblemCode::NotFound])
        .get(Agents, "/agents/{id}/freshness", "Is what the device knows still meant?", update::freshness)
        .post(Agents, "/agents/{id}/receipt", "Sign that this build was heard", update::receipt)
}
