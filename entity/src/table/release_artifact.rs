//! Table `release_artifacts`.

use crate::{
    id::{ReleaseId, UserId},
    platform::{Arch, Os},
    release::{ArtifactKind, Libc},
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "release_artifacts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub release_id: ReleaseId,
    /// Where the manifest lists it, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    pub kind: ArtifactKind,
    pub os: Os,
    pub arch: Arch,
    pub libc: Option<Libc>,
    pub size_bytes: i64,
    pub sha256: String,
    pub build_id: String,
    pub stored_by: Option<UserId>,
    /// None: the file has not come yet.
    pub stored_at: Option<DateTimeUtc>,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
