//! Table `log_sources`.

use crate::id::{BusinessId, DeviceId, LogSourceId};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "log_sources")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LogSourceId,
    pub scope_key: String,
    pub business_id: Option<BusinessId>,
    pub device_id: Option<DeviceId>,
    pub system_log: bool,
    pub files: String,
    pub updated_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
