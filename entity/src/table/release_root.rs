//! Table `release_roots`.

use crate::id::UserId;
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "release_roots")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    /// The envelope, as it was signed.
    pub envelope: String,
    pub fingerprint: String,
    pub added_by: Option<UserId>,
    pub added_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
