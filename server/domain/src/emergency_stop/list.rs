//! Stops as they are shown.

use super::{
    change::{counts, needed},
    last, order_of,
};
use crate::{Cx, Result, access::Target, approval::voters, business, store::Reach};
use entity::{
    emergency_stop::{EmergencyStopView, RearmView, StopQuery},
    id::{BusinessId, UserId},
    policy::Action,
    table::{emergency_rearm, emergency_stop as stop_table, user},
};
use sea_orm::{
    ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, ExprTrait as _, Query},
};
use std::collections::BTreeSet;

/// Businesses that one answer tells of at most.
const SHOWN: u64 = 200;

/// What was decided last about all, and about each business within reach that something was decided about.
///
/// # Errors
/// Not found when the business that is asked about is out of reach.
pub async fn list(cx: &Cx, query: &StopQuery) -> Result<Vec<EmergencyStopView>> {
    if query.stopped {
        return in_force(cx, query.business_id).await;
    }
    let mut views = vec![view(cx, None).await?];
    if let Some(id) = query.business_id {
        business::find(cx, id).await?;
        views.push(view(cx, Some(id)).await?);
        return Ok(views);
    }
    let found: Vec<Option<BusinessId>> = cx
        .select::<stop_table::Entity>()
        .filter(stop_table::Column::BusinessId.is_not_null())
        .select_only()
        .column(stop_table::Column::BusinessId)
        .distinct()
        .limit(SHOWN)
        .into_tuple()
        .all(cx.db())
        .await?;
    for id in found.into_iter().flatten().collect::<BTreeSet<_>>() {
        views.push(view(cx, Some(id)).await?);
    }
    Ok(views)
}

/// The stops that hold now, for all and for each business within reach: asked for by every page, and one statement as long
/// as nothing is stopped.
async fn in_force(cx: &Cx, of: Option<BusinessId>) -> Result<Vec<EmergencyStopView>> {
    let store = cx.store();
    let newest = Query::select()
        .expr(Expr::col(stop_table::Column::Seq).max())
        .from(stop_table::Entity)
        .group_by_col(stop_table::Column::BusinessId)
        .to_owned();
    let rows = Reach::everything()
        .select::<stop_table::Entity>()
        .filter(stop_table::Column::Seq.in_subquery(newest))
        .order_by_asc(stop_table::Column::BusinessId)
        .all(store.db())
        .await?;
    let concerns = |id: BusinessId| cx.reach().touches(id) && of.is_none_or(|of| of == id);
    let mut stopped: Vec<Option<BusinessId>> = rows
        .iter()
        .filter(|row| row.business_id.is_none_or(concerns) && order_of(store, row).is_stopped)
        .map(|row| row.business_id)
        .collect();
    stopped.sort_unstable();
    stopped.truncate(usize::try_from(SHOWN).unwrap_or(usize::MAX));
    let mut views = Vec::with_capacity(stopped.len());
    for id in stopped {
        views.push(view(cx, id).await?);
    }
    Ok(views)
}

/// By the store: a stop for all is about everybody's devices, and whoever reaches a business sees who stopped it.
pub(super) async fn view(cx: &Cx, id: Option<BusinessId>) -> Result<EmergencyStopView> {
    let store = cx.store();
    let business_name = match id {
        Some(id) => Some(business::find(cx, id).await?.business_name),
        None => None,
    };
    let row = last(store.db(), id).await?;
    let order = row.as_ref().map(|row| order_of(store, row));
    let is_stopped = order.as_ref().is_some_and(|order| order.is_stopped);
    let rearms = match &row {
        Some(row) if is_stopped => rearms(cx, row).await?,
        _ => Vec::new(),
    };
    let has_agreed = rearms.iter().any(|one| one.user_id == cx.me().id && one.counts);
    let decided_by = match &row {
        Some(row) => name(cx, row.decided_by).await?,
        None => None,
    };
    let is_person = cx.api_key_id().is_none();
    let reaches = match id {
        Some(id) => cx.reach().includes(id),
        None => cx.me().role.is_msp() && cx.reach().includes_msp(),
    };
    Ok(EmergencyStopView {
        business_id: id,
        business_name,
        seq: order.map_or(0, |order| order.seq),
        is_stopped,
        reason: row.as_ref().map_or_else(String::new, |row| row.reason.clone()),
        decided_by,
        decided_at: row.map(|row| row.decided_at),
        rearm_approvals: needed(store, id).await?,
        rearms,
        may_stop: cx.permit(Action::StopCommands, Target::of(id)).is_ok(),
        may_rearm: is_stopped && !has_agreed && is_person && reaches && cx.me().may(Action::Approve),
    })
}

async fn rearms(cx: &Cx, row: &stop_table::Model) -> Result<Vec<RearmView>> {
    let people = voters(cx.store(), row.business_id).await?;
    let rows = Reach::everything()
        .select::<emergency_rearm::Entity>()
        .filter(emergency_rearm::Column::StopSeq.eq(row.seq))
        .order_by_asc(emergency_rearm::Column::ApprovedAt)
        .all(cx.store().db())
        .await?;
    let views = rows.into_iter().map(|row| RearmView {
        counts: counts(cx.store(), &row, &people),
        user_id: row.user_id,
        user_name: row.user_name,
        note: row.note,
        approved_at: row.approved_at,
    });
    Ok(views.collect())
}

async fn name(cx: &Cx, id: UserId) -> Result<Option<String>> {
    let found = Reach::everything().select::<user::Entity>().filter(user::Column::Id.eq(id));
    Ok(found.one(cx.store().db()).await?.map(|row| row.full_name))
}
