//! Table `agent_chain_entries`.

use crate::id::{BusinessId, CommandId, DeviceId};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_chain_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub device_id: DeviceId,
    pub business_id: BusinessId,
    /// Rises each time that the device told another record than the one before: then both are kept.
    #[sea_orm(primary_key, auto_increment = false)]
    pub fork: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// JSON of [`crate::command::ChainEntry`].
    pub entry: String,
    pub hash: String,
    pub command_id: Option<CommandId>,
    pub received_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
