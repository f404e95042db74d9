//! Table `command_suggestions`.

use crate::{
    command::CommandKind,
    id::{AlertId, BusinessId, CommandRequestId, DeviceId, SuggestionId, UserId},
    suggestion::{HeldBack, SuggestionState},
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "command_suggestions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SuggestionId,
    pub business_id: BusinessId,
    pub device_id: DeviceId,
    pub alert_id: AlertId,
    /// What went wrong on which device: at most one is open of each.
    pub cause: String,
    pub why: String,
    pub kind: CommandKind,
    pub payload: String,
    pub state: SuggestionState,
    pub held_back: Option<HeldBack>,
    pub request_id: Option<CommandRequestId>,
    pub decided_by: Option<UserId>,
    pub decided_at: Option<DateTimeUtc>,
    pub note: Option<String>,
    pub created_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
