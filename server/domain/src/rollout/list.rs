//! Rollouts, newest first, and one of them with all that its page shows.

use super::{check_view, row, view};
use crate::{
    Cx, Result,
    store::keyset::{self, Order},
};
use entity::{
    id::RolloutId,
    page::Page,
    rollout::{RolloutQuery, RolloutRow, RolloutView},
    table::rollout,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

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

/// One rollout.
///
/// # Errors
/// Forbidden for people of customers; not found when there is none.
pub async fn get(cx: &Cx, id: RolloutId) -> Result<RolloutView> {
    check_view(cx)?;
    view::one(cx, row::find(cx.store().db(), id).await?).await
}
