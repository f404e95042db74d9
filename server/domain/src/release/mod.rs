//! Releases of the agent: manifests that people signed elsewhere, the files that they name, and the roots by which both
//! are believed. The server hands on what is signed; it can make nothing runnable.

use crate::{Error, Result};
use entity::{
    id::ReleaseId,
    platform::{Arch, Os},
    release::{ArtifactKind, Libc},
    table::{release, release_artifact as artifact},
};
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _};

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

fn not_found() -> Error {
    Error::not_found("release")
}
