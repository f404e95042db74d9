//! Table `device_events`.

use crate::{
    activity::ActivityKind,
    id::{BusinessId, DeviceEventId, DeviceId},
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "device_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeviceEventId,
    pub device_id: DeviceId,
    pub business_id: BusinessId,
    pub at: DateTimeUtc,
    pub kind: ActivityKind,
    pub summary: String,
    /// By which the agent names it, where it does; the same event is there once.
    pub event_id: Option<Uuid>,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
