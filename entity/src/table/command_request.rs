//! Table `agent_command_requests`.

use crate::{
    command::{Approver, CommandKind, Door, OnOffline, Priority, RequestState},
    id::{ApprovalPolicyId, BusinessId, CommandRequestId, UserId},
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_command_requests")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CommandRequestId,
    pub business_id: BusinessId,
    /// Rises with every request, and so with every command of a device.
    pub seq: i64,
    pub state: RequestState,
    /// Rises with everything that somebody decides about it: whoever decides writes it first, and so has it alone.
    pub revision: i64,
    pub kind: CommandKind,
    /// JSON of [`crate::command::Payload`].
    pub payload: String,
    pub targets_count: i64,
    pub targets_sha256: String,
    pub request_sha256: String,
    pub timeout_seconds: i64,
    pub deliver_by: DateTimeUtc,
    pub decide_by: DateTimeUtc,
    pub on_offline: OnOffline,
    pub priority: Priority,
    pub reason: Option<String>,
    pub requested_by: UserId,
    pub door: Door,
    /// What who asked calls the question, so that asking again asks once.
    pub ask_key: Option<String>,
    /// SHA-256 of the question, hex.
    pub ask_sha256: Option<String>,
    pub approvals_needed: i64,
    pub approver: Approver,
    pub policy_id: Option<ApprovalPolicyId>,
    pub break_glass_reason: Option<String>,
    pub break_glass_by: Option<UserId>,
    pub break_glass_at: Option<DateTimeUtc>,
    /// See `command/proof.rs` of the domain.
    pub break_glass_proof: Option<String>,
    pub reviewed_by: Option<UserId>,
    pub reviewed_at: Option<DateTimeUtc>,
    pub review_note: Option<String>,
    /// The last wave that may go out, from 1; 0 before it was decided.
    pub wave: i64,
    pub waves: i64,
    pub wave_at: Option<DateTimeUtc>,
    pub decided_at: Option<DateTimeUtc>,
    /// That this server wrote it: see `command/proof.rs` of the domain.
    pub proof: String,
    pub created_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
