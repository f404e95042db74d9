//! Table `monitored_service_states`.

use crate::{
    device_lock::RefusalCode,
    id::{BusinessId, DeviceId},
    system_service::ServiceStatus,
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "monitored_service_states")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub device_id: DeviceId,
    pub business_id: BusinessId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub service_name: String,
    pub status: Option<ServiceStatus>,
    pub pid: Option<i64>,
    pub exit_code: Option<i64>,
    pub restart_count: i64,
    pub last_restart_at: Option<DateTimeUtc>,
    pub refusal: Option<RefusalCode>,
    pub last_checked_at: DateTimeUtc,
    pub last_state_change_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
