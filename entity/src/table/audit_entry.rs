//! Table `audit_entries`.

use crate::{
    audit::ActorKind,
    id::{AuditEntryId, BusinessId, DeviceId, UserId},
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEntryId,
    pub seq: Option<i64>,
    pub at: DateTimeUtc,
    pub actor_kind: ActorKind,
    pub actor_id: Option<UserId>,
    pub actor_name: String,
    pub source_ip: String,
    pub request_id: Option<String>,
    pub business_id: Option<BusinessId>,
    pub device_id: Option<DeviceId>,
    pub action: String,
    pub summary: String,
    pub before_json: Option<String>,
    pub after_json: Option<String>,
    pub previous_hash: Option<String>,
    pub hash: Option<String>,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
