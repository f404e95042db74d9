//! Table `rollout_waves`.

use crate::id::RolloutId;
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "rollout_waves")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub rollout_id: RolloutId,
    /// From 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub percent: Option<i64>,
    /// JSON list of the ids that it names.
    pub devices: String,
    pub soak_seconds: i64,
    pub min_successes: i64,
    pub success_percent: i64,
    pub opened_at: Option<DateTimeUtc>,
    pub last_grant_at: Option<DateTimeUtc>,
    pub soaks_since: Option<DateTimeUtc>,
    pub passed_at: Option<DateTimeUtc>,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
