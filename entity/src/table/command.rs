//! Table `agent_commands`.

use crate::{
    command::{CommandKind, CommandState, Refusal},
    id::{BusinessId, CommandId, CommandRequestId, DeviceId},
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_commands")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CommandId,
    pub request_id: CommandRequestId,
    /// The business that it was asked for; stays when the device is given to another one.
    pub business_id: BusinessId,
    pub device_id: DeviceId,
    /// Of its request: a device does what came first first.
    pub seq: i64,
    /// By priority: 0 goes before 1 and 2.
    pub rank: i64,
    pub wave: i64,
    pub kind: CommandKind,
    pub state: CommandState,
    pub deliver_by: DateTimeUtc,
    pub sent_at: Option<DateTimeUtc>,
    /// How many times it was handed out.
    pub sends: i64,
    pub order_expires_at: Option<DateTimeUtc>,
    pub order_sha256: Option<String>,
    /// JSON of [`crate::command::Envelope`], as it was last handed out.
    pub envelope: Option<String>,
    pub cancel_asked_at: Option<DateTimeUtc>,
    pub received_at: Option<DateTimeUtc>,
    pub started_at: Option<DateTimeUtc>,
    pub ended_at: Option<DateTimeUtc>,
    pub detail: String,
    pub refusal: Option<Refusal>,
    pub exit_code: Option<i64>,
    pub output: Option<String>,
    pub output_bytes: i64,
    /// JSON of [`crate::command::CommandReceipt`].
    pub receipt: Option<String>,
    /// JSON of [`crate::command::CommandResult`] without its output.
    pub result: Option<String>,
    /// It came after its time.
    pub is_late: bool,
    /// JSON of [`crate::command::LockState`].
    pub lock_at_creation: Option<String>,
    /// That this server wrote it: see `command/proof.rs` of the domain.
    pub proof: String,
    pub created_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
