//! The policy of a business of the sample MSP.

use super::Document;
use crate::{Error, Result, store::Change};
use chrono::{DateTime, Utc};
use entity::{
    command::{ApprovalPolicy, ApprovalRule},
    id::{ApprovalPolicyId, BusinessId},
    table::approval_policy as policy,
};
use sea_orm::{ActiveModelTrait as _, Set};

/// A business's own first revision: what holds where nobody has written one, with a stricter rule before it.
///
/// # Errors
/// When the database fails.
pub(crate) async fn sample(
    change: &Change,
    business: BusinessId,
    strict: ApprovalRule,
    now: DateTime<Utc>,
) -> Result<()> {
    let common = ApprovalPolicy::default();
    let others = common.rules.into_iter().map(|rule| ApprovalRule {
        kinds: rule.kinds.into_iter().filter(|kind| !strict.kinds.contains(kind)).collect(),
        ..rule
    });
    let others: Vec<ApprovalRule> = others.filter(|rule| !rule.kinds.is_empty()).collect();
    let document = Document {
        inherits: false,
        rules: std::iter::once(strict).chain(others).collect(),
        decide_seconds: common.decide_seconds,
        allows_break_glass: common.allows_break_glass,
        rearm_approvals: common.rearm_approvals,
        automatic: common.automatic,
    };
    let document = serde_json::to_string(&document).map_err(|error| Error::Internal(error.to_string()))?;
    policy::ActiveModel {
        id: Set(ApprovalPolicyId::generate()),
        business_id: Set(Some(business)),
        revision: Set(1),
        document: Set(document),
        created_by: Set(None),
        created_at: Set(now),
    }
    .insert(&**change)
    .await?;
    Ok(())
}
