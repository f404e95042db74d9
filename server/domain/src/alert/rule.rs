//! The rules: when a burst of errors is one, for everybody or for a business; the closest decision counts.

use super::in_force::{in_force, key};
use crate::{Cx, Error, Result, access::Target, audit::Record, business};
use entity::{
    alert::{AlertKind, LogBurst, LogBurstInput, LogBurstView, Severity},
    id::{AlertRuleId, BusinessId},
    policy::Action,
    table::alert_rule,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set, sea_query::OnConflict};

/// When a burst of errors is one, for businesses that have no rule of their own.
///
/// # Errors
/// When the database fails.
pub async fn get_default(cx: &Cx) -> Result<LogBurstView> {
    Ok(in_force(cx.store().db(), None).await?.view)
}

/// When a burst of errors is one in a business.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn get_business(cx: &Cx, id: BusinessId) -> Result<LogBurstView> {
    business::find(cx, id).await?;
    Ok(in_force(cx.store().db(), Some(id)).await?.view)
}

/// Decides for businesses that have no rule of their own.
///
/// # Errors
/// Forbidden by role; invalid names the field.
pub async fn set_default(cx: &Cx, input: LogBurstInput) -> Result<LogBurstView> {
    set(cx, Target::Msp, None, "Changed the rule for bursts of errors".to_owned(), input).await?;
    get_default(cx).await
}

/// Decides for a business.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role; invalid names the field.
pub async fn set_business(cx: &Cx, id: BusinessId, input: LogBurstInput) -> Result<LogBurstView> {
    let row = business::find(cx, id).await?;
    let summary = format!("Changed the rule for bursts of errors at {}", row.business_name);
    set(cx, Target::Business(id), Some(id), summary, input).await?;
    get_business(cx, id).await
}

async fn set(
    cx: &Cx,
    target: Target,
    business: Option<BusinessId>,
    summary: String,
    input: LogBurstInput,
) -> Result<()> {
    let permit = cx.permit(Action::ManageMonitoring, target)?;
    let before = in_force(cx.store().db(), business).await?.view.rule;
    let LogBurstInput { inherits, is_active, threshold, window_seconds, quiet_seconds } = input;
    let record = Record::new("alert_rule.set", summary).before(before);
    if inherits {
        let change = permit.begin().await?;
        alert_rule::Entity::delete_many()
            .filter(alert_rule::Column::RuleKey.eq(key(business)))
            .exec(&*change)
            .await?;
        return permit.commit(change, record).await;
    }
    let rule = LogBurst { is_active, threshold, window_seconds, quiet_seconds }.checked()?;
    let now = cx.store().now();
    let conditions = serde_json::to_string(&rule).map_err(|error| Error::Internal(error.to_string()))?;
    let row = alert_rule::ActiveModel {
        id: Set(AlertRuleId::generate()),
        rule_key: Set(key(business)),
        business_id: Set(business),
        alert_name: Set(AlertKind::LogBurst.label().to_owned()),
        alert_type: Set(AlertKind::LogBurst),
        severity: Set(Severity::Critical),
        conditions: Set(conditions),
        is_active: Set(is_active),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let replace = OnConflict::column(alert_rule::Column::RuleKey)
        .update_columns([
            alert_rule::Column::Conditions,
            alert_rule::Column::IsActive,
            alert_rule::Column::UpdatedAt,
        ])
        .to_owned();
    let change = permit.begin().await?;
    alert_rule::Entity::insert(row).on_conflict(replace).exec_without_returning(&*change).await?;
    permit.commit(change, record.after(rule)).await
}
