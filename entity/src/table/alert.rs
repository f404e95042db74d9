//! Table `agent_alert_history`.

use crate::{
    alert::{AlertKind, AlertState, Severity},
    id::{AlertId, AlertRuleId, BusinessId, DeviceId, UserId},
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_alert_history")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AlertId,
    pub agent_alert_id: Option<AlertRuleId>,
    pub device_id: DeviceId,
    pub business_id: BusinessId,
    pub alert_type: AlertKind,
    pub fingerprint: String,
    pub state: AlertState,
    pub severity: Severity,
    pub alert_message: String,
    pub message_key: String,
    pub metric_value: Option<f64>,
    pub threshold_value: Option<f64>,
    pub quiet_seconds: i64,
    pub triggered_at: DateTimeUtc,
    pub last_breach_at: DateTimeUtc,
    pub acknowledged_by: Option<UserId>,
    pub acknowledged_at: Option<DateTimeUtc>,
    pub resolved_by: Option<UserId>,
    pub resolved_at: Option<DateTimeUtc>,
    pub resolution_notes: Option<String>,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
