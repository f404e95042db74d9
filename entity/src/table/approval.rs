//! Table `agent_command_approvals`.

use crate::{
    command::ApprovalDecision,
    id::{ApprovalId, BusinessId, CommandRequestId, UserId},
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_command_approvals")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApprovalId,
    pub request_id: CommandRequestId,
    pub business_id: BusinessId,
    pub user_id: UserId,
    pub user_name: String,
    pub decision: ApprovalDecision,
    pub request_sha256: String,
    pub note: Option<String>,
    pub decided_at: DateTimeUtc,
    pub revoked_at: Option<DateTimeUtc>,
    /// That this server wrote it: see `command/proof.rs` of the domain.
    pub proof: String,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
