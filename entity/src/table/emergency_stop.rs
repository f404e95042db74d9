//! Table `emergency_stops`.

use crate::id::{BusinessId, UserId};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "emergency_stops")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub business_id: Option<BusinessId>,
    pub is_stopped: bool,
    /// JSON of [`crate::command::Envelope`].
    pub envelope: String,
    pub decided_by: UserId,
    pub reason: String,
    pub decided_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
