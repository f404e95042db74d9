//! Who has to have a second factor.

use super::{Confirmed, Target};
use crate::{
    Result, Store, SystemCx,
    audit::{Actor, Record},
    store::state,
};
use entity::{factor::FactorPolicy, policy::Action, table::server_state};
use sea_orm::EntityTrait as _;

/// Where the policy is kept.
const NAME: &str = "factor_policy";

/// The policy; until somebody decides otherwise, the MSP's own people have to.
///
/// # Errors
/// When the database fails.
pub async fn factor_policy(store: &Store) -> Result<FactorPolicy> {
    let row = server_state::Entity::find_by_id(NAME).one(store.db()).await?;
    Ok(row.and_then(|row| row.value.parse().ok()).unwrap_or(FactorPolicy::Msp))
}

/// Decides otherwise. Those who have to have one and do not are asked to add one before anything else.
///
/// # Errors
/// Forbidden by role.
pub async fn set_factor_policy(cx: &Confirmed<'_>, policy: FactorPolicy) -> Result<()> {
    let permit = cx.permit(Action::ManageSignIn, Target::Msp)?;
    let before = factor_policy(cx.store()).await?;
    let change = permit.begin().await?;
    write(&change, policy).await?;
    let record = Record::new("sign_in.factor_policy", "Changed who has to have a second factor");
    permit.commit(change, record.before(before).after(policy)).await
}

/// Decides it from the server's own command line, for when nobody can sign in any more.
///
/// # Errors
/// When the database fails.
pub async fn decide_factor_policy(cx: &SystemCx, policy: FactorPolicy) -> Result<()> {
    let before = factor_policy(cx.store()).await?;
    let change = cx.store().begin().await?;
    write(&change, policy).await?;
    let record = Record::new("sign_in.factor_policy", "Changed who has to have a second factor");
    change.commit(&Actor::system(cx.job()), None, record.before(before).after(policy)).await
}

/// Writes the policy down.
pub(crate) async fn write(change: &crate::store::Change, policy: FactorPolicy) -> Result<()> {
    state::keep(&**change, NAME, policy.word()).await
}
