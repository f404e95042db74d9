//! Table `audit_entries`.

use crate::id::{AuditEntryId, BusinessId, DeviceId, UserId};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEntryId,
    pub at: DateTimeUtc,
    pub actor_id: Option<UserId>,
    pub actor_name: String,
    pub source_ip: String,
    pub business_id: Option<BusinessId>,
    pub device_id: Option<DeviceId>,
    pub action: String,
    pub summary: String,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
