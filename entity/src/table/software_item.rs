//! Table `agent_software_inventory`.

use crate::id::{BusinessId, DeviceId};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_software_inventory")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub device_id: DeviceId,
    pub business_id: BusinessId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub software_name: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub software_version: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub architecture: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub source: String,
    pub vendor: Option<String>,
    pub first_seen_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
