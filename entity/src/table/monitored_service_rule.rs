//! Table `monitored_service_rules`.

use crate::{
    id::{BusinessId, DeviceId, MonitoredServiceRuleId},
    platform::Os,
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "monitored_service_rules")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MonitoredServiceRuleId,
    pub business_id: Option<BusinessId>,
    pub device_id: Option<DeviceId>,
    pub os_type: Option<Os>,
    pub service_name: String,
    /// The name folded by [`crate::input::fold`].
    pub name_key: String,
    pub is_watched: bool,
    pub should_be_running: bool,
    pub auto_restart: bool,
    pub created_at: DateTimeUtc,
    pub changed_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
