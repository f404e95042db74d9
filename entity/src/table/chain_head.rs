//! Table `agent_chain_heads`.

use crate::id::{BusinessId, DeviceId};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_chain_heads")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub device_id: DeviceId,
    pub business_id: BusinessId,
    /// Of the record that the device tells now.
    pub fork: i64,
    /// Of the last entry that is stored here.
    pub seq: i64,
    pub hash: String,
    /// Where the device said that its record ends.
    pub told_seq: i64,
    pub told_hash: String,
    /// The device's signature of that, base64.
    pub told_signature: Option<String>,
    pub told_at: DateTimeUtc,
    /// What does not fit, if something does not.
    pub fault: Option<String>,
    pub fault_at: Option<DateTimeUtc>,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
