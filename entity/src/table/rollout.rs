//! Table `rollouts`.

use crate::{
    id::{ReleaseId, RolloutId, UserId},
    release::Channel,
    rollout::{RolloutKind, RolloutState},
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "rollouts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RolloutId,
    pub name: String,
    /// The name folded by [`crate::input::fold`].
    pub name_key: String,
    pub kind: RolloutKind,
    pub state: RolloutState,
    /// Rises with everything that is written about it or its devices: whoever writes takes it first, and so has it alone.
    pub revision: i64,
    pub reason: Option<String>,
    pub release_id: ReleaseId,
    /// Of the release: of two rollouts for one device the higher goes first.
    pub seq: i64,
    pub channel: Channel,
    /// JSON of [`crate::rollout::RolloutTarget`].
    pub target: String,
    /// JSON of [`crate::rollout::HaltTerms`].
    pub halt: String,
    pub max_in_flight: i64,
    pub first_in_flight: i64,
    pub in_flight: i64,
    pub spread_seconds: i64,
    pub salt: String,
    pub note: String,
    pub start_at: Option<DateTimeUtc>,
    /// The wave that is open, from 1; 0 before it begins.
    pub wave: i64,
    pub waves: i64,
    pub is_approval_needed: bool,
    pub undoes: Option<RolloutId>,
    pub created_by: UserId,
    pub created_at: DateTimeUtc,
    pub approved_by: Option<UserId>,
    pub approved_at: Option<DateTimeUtc>,
    pub started_by: Option<UserId>,
    pub started_at: Option<DateTimeUtc>,
    /// What went wrong before was seen and accepted by people.
    pub counted_from: Option<DateTimeUtc>,
    /// When it stopped; none once somebody let it go on. Stays when it is taken back or its place is taken.
    pub halted_at: Option<DateTimeUtc>,
    pub changed_by: Option<UserId>,
    pub changed_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
