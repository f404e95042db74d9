//! Policies as they are shown.

use super::{in_force, last, of, of_msp, read};
use crate::{
    Cx, Result, business,
    store::{
        Reach,
        keyset::{self, Order, holds, pattern},
    },
};
use entity::{
    approval_policy::{ApprovalPolicyQuery, ApprovalPolicyRevision, ApprovalPolicyView},
    id::{BusinessId, UserId},
    page::{PAGE_SIZE_MAX, Page},
    table::{approval_policy as policy, business as business_table, user},
};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use std::collections::HashMap;

/// One page of the businesses within reach with what holds for each, by name.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn list(cx: &Cx, query: &ApprovalPolicyQuery) -> Result<Page<ApprovalPolicyView>> {
    let mut select = cx.select::<business_table::Entity>();
    let name = || keyset::column::<business_table::Entity>(business_table::Column::NameKey);
    if let Some(pattern) = pattern(query.search.as_deref())? {
        select = select.filter(holds(name(), &pattern));
    }
    let total = keyset::total(cx.db(), select.clone()).await?;
    let order = Order::text("approval_policies.name", name(), false);
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    let mut items = Vec::new();
    for row in slice.rows {
        items.push(view(cx, Some((row.id, row.business_name))).await?);
    }
    Ok(Page { items, next_cursor: slice.next_cursor, total: Some(total) })
}

/// What holds for businesses that have no policy of their own.
///
/// # Errors
/// When the database fails.
pub async fn get_default(cx: &Cx) -> Result<ApprovalPolicyView> {
    view(cx, None).await
}

/// What holds for a business.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn get_business(cx: &Cx, id: BusinessId) -> Result<ApprovalPolicyView> {
    let row = business::find(cx, id).await?;
    view(cx, Some((id, row.business_name))).await
}

/// Every revision of the MSP's own, newest first.
///
/// # Errors
/// When the database fails.
pub async fn revisions_of_default(cx: &Cx) -> Result<Vec<ApprovalPolicyRevision>> {
    revisions(cx, None).await
}

/// Every revision of a business's own, newest first.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn revisions_of_business(cx: &Cx, id: BusinessId) -> Result<Vec<ApprovalPolicyRevision>> {
    business::find(cx, id).await?;
    revisions(cx, Some(id)).await
}

async fn revisions(cx: &Cx, business: Option<BusinessId>) -> Result<Vec<ApprovalPolicyRevision>> {
    let rows = of(business)
        .order_by_desc(policy::Column::Revision)
        .limit(u64::from(PAGE_SIZE_MAX))
        .all(cx.store().db())
        .await?;
    let names = names(cx, rows.iter().filter_map(|row| row.created_by)).await?;
    rows.iter()
        .map(|row| {
            let (inherits, policy) = read(row)?;
            Ok(ApprovalPolicyRevision {
                revision: row.revision.unsigned_abs(),
                inherits,
                policy,
                created_by: row.created_by,
                created_by_name: row.created_by.and_then(|id| names.get(&id).cloned()),
                created_at: row.created_at,
            })
        })
        .collect()
}

/// By the store: whoever reaches a business may know what holds for it, and that may be the MSP's.
pub(super) async fn view(cx: &Cx, of: Option<(BusinessId, String)>) -> Result<ApprovalPolicyView> {
    let db = cx.store().db();
    let (business_id, business_name) = of.unzip();
    let own = last(db, business_id).await?;
    let inherits = match &own {
        Some(row) => read(row)?.0,
        None => true,
    };
    let policy = match business_id {
        Some(id) => in_force(db, id).await?,
        None => of_msp(db).await?,
    };
    let names = names(cx, own.as_ref().and_then(|row| row.created_by)).await?;
    Ok(ApprovalPolicyView {
        business_id,
        business_name,
        policy,
        inherits,
        revision: own.as_ref().map_or(0, |row| row.revision.unsigned_abs()),
        changed_at: own.as_ref().map(|row| row.created_at),
        changed_by: own.and_then(|row| row.created_by).and_then(|id| names.get(&id).cloned()),
    })
}

async fn names(cx: &Cx, ids: impl IntoIterator<Item = UserId>) -> Result<HashMap<UserId, String>> {
    let found: Vec<(UserId, String)> = Reach::everything()
        .select::<user::Entity>()
        .filter(user::Column::Id.is_in(ids))
        .select_only()
        .columns([user::Column::Id, user::Column::FullName])
        .into_tuple()
        .all(cx.store().db())
        .await?;
    Ok(found.into_iter().collect())
}
