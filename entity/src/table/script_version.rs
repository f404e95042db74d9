//! Table `script_versions`.

use crate::{
    command::Shell,
    id::{BusinessId, ScriptId, ScriptVersionId, UserId},
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "script_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ScriptVersionId,
    pub script_id: ScriptId,
    pub business_id: Option<BusinessId>,
    pub version: i64,
    pub shell: Shell,
    pub script: String,
    pub script_sha256: String,
    /// JSON of a list of names.
    pub parameters: String,
    pub created_by: Option<UserId>,
    pub created_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
