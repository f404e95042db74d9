//! Releases of the agent: manifests that people signed elsewhere, the files that they name, and the roots by which both
//! are believed. The server hands on what is signed; it can make nothing runnable.

mod bring;
mod change;
mod channel;
mod freshness;
mod hand;
mod list;
mod root;
mod serve;
mod trust;
mod upload;
mod verify;

pub use bring::{bring, bring_at_terminal};
pub use change::change;
pub use channel::{channel, set_channel, set_channel_of_business};
pub(crate) use freshness::Freshness;
pub use freshness::{existing_freshness_key, freshness_key};
pub use hand::check_manage;
pub use list::{get, get_at_terminal, list};
pub(crate) use root::current_envelope as current_root;
pub use root::{RootState, add_root, add_root_at_terminal, look_at_root, root_state, roots};
pub use serve::{Served, for_device, for_person, named};
pub use trust::{check_update, freshness, receipt};
pub use upload::{ArtifactInput, Upload};
pub use verify::{ArtifactReport, verify};

use crate::{Cx, Error, Result, Store, store::Reach};
use chrono::{DateTime, Utc};
use entity::{
    id::{ReleaseId, UserId},
    platform::{Arch, Os},
    release::{ArtifactKind, Libc, Manifest, look},
    table::{release, release_artifact as artifact, user},
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use std::collections::HashMap;

/// The release of this id.
pub(crate) async fn find(db: &impl ConnectionTrait, id: ReleaseId) -> Result<release::Model> {
    release::Entity::find_by_id(id).one(db).await?.ok_or_else(not_found)
}

/// The agent of a release for a platform: of the C library that was asked for, or the only one that there is.
pub(crate) async fn artifact_for(
    db: &impl ConnectionTrait,
    id: ReleaseId,
    os: Os,
    arch: Arch,
    libc: Option<Libc>,
) -> Result<Option<artifact::Model>> {
    let rows = artifact::Entity::find()
        .filter(artifact::Column::ReleaseId.eq(id))
        .filter(artifact::Column::Kind.eq(ArtifactKind::Agent))
        .filter(artifact::Column::Os.eq(os))
        .filter(artifact::Column::Arch.eq(arch))
        .order_by_asc(artifact::Column::Position)
        .all(db)
        .await?;
    Ok(rows.into_iter().find(|row| libc.is_none() || row.libc.is_none() || row.libc == libc))
}

/// What a release's manifest says. It was checked when it came; a device checks it again.
pub(crate) fn manifest_of(row: &release::Model) -> Result<Manifest> {
    let broken = |what: &str| Error::Internal(format!("the stored manifest of {}: {what}", row.version));
    let looked = look(&row.manifest).map_err(|reason| broken(reason.word()))?;
    serde_json::from_slice(&looked.payload).map_err(|error| broken(&error.to_string()))
}

/// Would devices take it now: is its manifest still good, and does the root in force vouch for it? They would refuse it
/// otherwise, and its rollout would stop over something that no build did.
pub(crate) async fn is_good(
    db: &impl ConnectionTrait,
    row: &release::Model,
    now: DateTime<Utc>,
) -> Result<bool> {
    if row.expires_at <= now {
        return Ok(false);
    }
    let root = root::current(db).await?;
    Ok(root.is_none_or(|root| root.expires > now && list::is_trusted(Some(&root), &row.manifest)))
}

/// Releases are the MSP's business alone.
fn check_view(cx: &Cx) -> Result<()> {
    if cx.me().role.is_msp() && !cx.reach().is_nothing() {
        cx.check_ready()
    } else {
        Err(Error::forbidden("Releases are for the MSP's own people."))
    }
}

fn not_found() -> Error {
    Error::not_found("release")
}

/// The names of people of the MSP.
async fn people(store: &Store, ids: Vec<UserId>) -> Result<HashMap<UserId, String>> {
    let found: Vec<(UserId, String)> = Reach::everything()
        .select::<user::Entity>()
        .filter(user::Column::Id.is_in(ids))
        .select_only()
        .columns([user::Column::Id, user::Column::FullName])
        .into_tuple()
        .all(store.db())
        .await?;
    Ok(found.into_iter().collect())
}
