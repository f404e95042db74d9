//! Table `agent_monitored_services`.

use crate::{
    id::{BusinessId, DeviceId},
    system_service::ServiceStatus,
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_monitored_services")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub device_id: DeviceId,
    pub business_id: BusinessId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub service_name: String,
    pub display_name: Option<String>,
    pub status: ServiceStatus,
    pub starts_at_boot: Option<bool>,
    pub pid: Option<i64>,
    pub last_state_change_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
