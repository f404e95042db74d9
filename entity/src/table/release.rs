//! Table `releases`.

use crate::{
    agent_release::ReleaseState,
    id::{ReleaseId, UserId},
    release::Channel,
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "releases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReleaseId,
    pub version: String,
    pub seq: i64,
    pub channel: Channel,
    pub state: ReleaseState,
    /// The envelope, as it was signed.
    pub manifest: String,
    pub manifest_sha256: String,
    pub issued_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub notes: String,
    pub created_by: Option<UserId>,
    pub created_at: DateTimeUtc,
    pub available_at: Option<DateTimeUtc>,
    pub withdrawn_by: Option<UserId>,
    pub withdrawn_at: Option<DateTimeUtc>,
    pub withdrawn_reason: Option<String>,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
