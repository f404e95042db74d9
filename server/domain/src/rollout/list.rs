//! Rollouts, newest first, and one of them with all that its page shows.

use super::{check_view, row, view};
use crate::{
    Cx, Result,
    store::keyset::{self, Order},
};
use entity::{
    id::{RolloutId, UserId},
    page::Page,
    policy::Action,
    rollout::{RolloutQuery, RolloutRow, RolloutState, RolloutView},
    table::rollout,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};

/// One page of the rollouts.
///
/// # Errors
/// Forbidden for people of customers; invalid names the field of the query.
pub async fn list(cx: &Cx, query: &RolloutQuery) -> Result<Page<RolloutRow>> {
    check_view(cx)?;
    let mut select = rollout::Entity::find();
    if let Some(state) = query.state {
        select = select.filter(rollout::Column::State.eq(state));
    }
    if let Some(id) = query.release_id {
        select = select.filter(rollout::Column::ReleaseId.eq(id));
    }
    if let Some(pattern) = keyset::pattern(query.search.as_deref())? {
        select = select
            .filter(keyset::holds(keyset::column::<rollout::Entity>(rollout::Column::NameKey), &pattern));
    }
    let (db, order) = (cx.store().db(), Order::newest("rollouts.newest"));
    let slice = keyset::page(db, select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: view::rows(cx.store(), slice.rows).await?, next_cursor: slice.next_cursor, total: None })
}

/// How many rollouts stopped and wait for a person, and how many wait for a yes that this one may give. None for people of
/// customers.
///
/// # Errors
/// When the database fails.
pub(crate) async fn needing(cx: &Cx) -> Result<(u64, u64)> {
    let me = cx.me();
    if !me.role.is_msp() || cx.reach().is_nothing() {
        return Ok((0, 0));
    }
    let rows: Vec<(RolloutState, UserId)> = rollout::Entity::find()
        .filter(rollout::Column::State.is_in([RolloutState::Halted, RolloutState::AwaitingApproval]))
        .select_only()
        .columns([rollout::Column::State, rollout::Column::CreatedBy])
        .into_tuple()
        .all(cx.store().db())
        .await?;
    let may_decide = me.may(Action::ManageRollout) && cx.reach().is_everything();
    let is_halted = |state: RolloutState| state == RolloutState::Halted;
    let halted = rows.iter().filter(|(state, _)| is_halted(*state)).count();
    let awaiting = rows.iter().filter(|(state, by)| !is_halted(*state) && may_decide && *by != me.id).count();
    Ok((halted as u64, awaiting as u64))
}

/// One rollout.
///
/// # Errors
/// Forbidden for people of customers; not found when there is none.
pub async fn get(cx: &Cx, id: RolloutId) -> Result<RolloutView> {
    check_view(cx)?;
    view::one(cx, row::find(cx.store().db(), id).await?).await
}
