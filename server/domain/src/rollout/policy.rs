//! Whether somebody else has to say yes before a rollout starts.

use crate::{Confirmed, Cx, Error, Result, access::Target, audit::Record, store::state};
use entity::{policy::Action, rollout::RolloutPolicy, table::server_state};
use sea_orm::{ConnectionTrait, EntityTrait as _};

/// Where the policy is kept.
const NAME: &str = "rollout_policy";

/// What holds for every rollout.
///
/// # Errors
/// Forbidden for people of customers.
pub async fn policy(cx: &Cx) -> Result<RolloutPolicy> {
    super::check_view(cx)?;
    read(cx.store().db()).await
}

/// Decides otherwise; rollouts that were handed in before go on as they were.
///
/// # Errors
/// Forbidden by role.
pub async fn set_policy(cx: &Confirmed<'_>, policy: RolloutPolicy) -> Result<RolloutPolicy> {
    super::change::check(cx)?;
    let permit = cx.permit(Action::ManageRollout, Target::Msp)?;
    let change = permit.begin().await?;
    let before = read(&*change).await?;
    let text = serde_json::to_string(&policy).map_err(|error| Error::Internal(error.to_string()))?;
    state::keep(&*change, NAME, &text).await?;
    let record = Record::new("rollout.policy", "Changed whether rollouts need the yes of somebody else");
    permit.commit(change, record.before(before).after(policy)).await?;
    Ok(policy)
}

/// The policy; until somebody decides otherwise, nobody else has to.
pub(super) async fn read(db: &impl ConnectionTrait) -> Result<RolloutPolicy> {
    let row = server_state::Entity::find_by_id(NAME).one(db).await?;
    Ok(row.and_then(|row| serde_json::from_str(&row.value).ok()).unwrap_or_default())
}
