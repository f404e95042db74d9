//! Which rule counts: read for whoever asks, because what agents send is held against it whoever decided it.

use crate::{Error, Result};
use entity::{
    alert::{AlertKind, LogBurst, LogBurstView},
    id::{AlertRuleId, BusinessId},
    log_entry::SettingScope,
    table::alert_rule,
};
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};

/// A rule with the row that it stands in; none when nobody decided anything.
pub(super) struct InForce {
    pub(super) id: Option<AlertRuleId>,
    pub(super) view: LogBurstView,
}

/// Names the rule of a business, or of all.
pub(super) fn key(business: Option<BusinessId>) -> String {
    let whose = business.map_or_else(|| "msp".to_owned(), |id| id.to_string());
    format!("{}:{whose}", AlertKind::LogBurst.word())
}

/// The rule for a business, or for those that have none of their own.
pub(super) async fn in_force(db: &impl ConnectionTrait, business: Option<BusinessId>) -> Result<InForce> {
    let keys = [Some(key(None)), business.map(|id| key(Some(id)))];
    let rows = alert_rule::Entity::find()
        .filter(alert_rule::Column::RuleKey.is_in(keys.into_iter().flatten()))
        .all(db)
        .await?;
    let Some(row) = rows.into_iter().max_by_key(|row| row.business_id) else {
        let view = LogBurstView { rule: LogBurst::default(), scope: SettingScope::BuiltIn };
        return Ok(InForce { id: None, view });
    };
    let rule: LogBurst = serde_json::from_str(&row.conditions)
        .map_err(|error| Error::Internal(format!("a stored alert rule: {error}")))?;
    let rule = LogBurst { is_active: row.is_active, ..rule };
    let scope = if row.business_id.is_some() { SettingScope::Business } else { SettingScope::Msp };
    Ok(InForce { id: Some(row.id), view: LogBurstView { rule, scope } })
}
