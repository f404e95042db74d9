//! Table `rollout_devices`: one device's part in a rollout, its update.

use crate::{
    id::{BusinessId, DeviceId, RolloutId, UpdateId},
    platform::{Arch, Os},
    release::Reason,
    update::UpdateState,
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "rollout_devices")]
pub struct Model {
    /// A new one with every grant: what is said of an older one is about nothing any more.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UpdateId,
    pub rollout_id: RolloutId,
    pub business_id: BusinessId,
    pub device_id: DeviceId,
    pub wave: i64,
    pub os: Os,
    pub arch: Arch,
    pub state: UpdateState,
    /// Of the last report that counted.
    pub step: i64,
    pub attempts: i64,
    pub seq: i64,
    pub artifact_sha256: String,
    pub build_id: String,
    pub size_bytes: i64,
    pub from_version: String,
    pub hinted_at: Option<DateTimeUtc>,
    pub lease_expires_at: Option<DateTimeUtc>,
    pub not_before: Option<DateTimeUtc>,
    pub offered_at: Option<DateTimeUtc>,
    pub switched_at: Option<DateTimeUtc>,
    pub ended_at: Option<DateTimeUtc>,
    pub changed_at: DateTimeUtc,
    pub reason: Option<Reason>,
    pub detail: String,
    /// JSON list of the last lines of a build that was rolled back.
    pub log_lines: String,
    pub gap_ms: Option<i64>,
    pub downloaded_bytes: Option<i64>,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
