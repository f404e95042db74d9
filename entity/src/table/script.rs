//! Table `scripts`.

use crate::id::{BusinessId, ScriptId, UserId};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "scripts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ScriptId,
    pub business_id: Option<BusinessId>,
    pub script_name: String,
    /// The name folded by [`crate::input::fold`].
    pub name_key: String,
    pub description: String,
    pub latest_version: i64,
    pub created_by: Option<UserId>,
    pub created_at: DateTimeUtc,
    pub changed_at: DateTimeUtc,
    pub archived_at: Option<DateTimeUtc>,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
