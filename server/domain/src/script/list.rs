//! Scripts as they are shown.

use super::{check_view, find, latest, not_found, shown};
use crate::{
    Cx, Error, Result, business,
    store::{
        Reach,
        keyset::{self, Order, holds, pattern},
    },
};
use entity::{
    id::{ScriptId, ScriptVersionId, UserId},
    page::{PAGE_SIZE_MAX, Page},
    script::{ScriptQuery, ScriptVersionRow, ScriptVersionView, ScriptView},
    table::{script, script_version as version, user},
};
use sea_orm::{
    ColumnTrait as _, Condition, QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _,
};
use std::collections::HashMap;

/// One page of the scripts within reach and the shared ones, by name.
///
/// # Errors
/// Forbidden by role; not found when the business that is asked about is out of reach; invalid names the field.
pub async fn list(cx: &Cx, query: &ScriptQuery) -> Result<Page<ScriptView>> {
    check_view(cx)?;
    let mut select = shown::<script::Entity>(cx, script::Column::BusinessId);
    if let Some(id) = query.business_id {
        business::find(cx, id).await?;
        let whose =
            Condition::any().add(script::Column::BusinessId.is_null()).add(script::Column::BusinessId.eq(id));
        select = select.filter(whose);
    }
    if query.archived != Some(true) {
        select = select.filter(script::Column::ArchivedAt.is_null());
    }
    if let Some(shell) = query.shell {
        let of_shell = shown::<version::Entity>(cx, version::Column::BusinessId)
            .filter(version::Column::Shell.eq(shell))
            .select_only()
            .column(version::Column::ScriptId)
            .into_query();
        select = select.filter(script::Column::Id.in_subquery(of_shell));
    }
    let name = || keyset::column::<script::Entity>(script::Column::NameKey);
    if let Some(pattern) = pattern(query.search.as_deref())? {
        select = select.filter(holds(name(), &pattern));
    }
    let db = cx.store().db();
    let total = keyset::total(db, select.clone()).await?;
    let order = Order::text("scripts.name", name(), false);
    let slice = keyset::page(db, select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: Some(total) })
}

/// One script with its last version.
///
/// # Errors
/// Not found when it is out of reach; forbidden by role.
pub async fn get(cx: &Cx, id: ScriptId) -> Result<ScriptView> {
    let row = find(cx, id).await?;
    check_view(cx)?;
    views(cx, vec![row]).await?.pop().ok_or_else(not_found)
}

/// The versions of a script, newest first.
///
/// # Errors
/// Not found when it is out of reach; forbidden by role.
pub async fn versions(cx: &Cx, id: ScriptId) -> Result<Vec<ScriptVersionRow>> {
    let row = find(cx, id).await?;
    check_view(cx)?;
    let rows = shown::<version::Entity>(cx, version::Column::BusinessId)
        .filter(version::Column::ScriptId.eq(row.id))
        .order_by_desc(version::Column::Version)
        .limit(u64::from(PAGE_SIZE_MAX))
        .all(cx.store().db())
        .await?;
    let names = people(cx, rows.iter().filter_map(|row| row.created_by)).await?;
    rows.iter().map(|row| version_row(row, &names)).collect()
}

/// One version with its text.
///
/// # Errors
/// Not found when it is out of reach; forbidden by role.
pub async fn get_version(cx: &Cx, id: ScriptVersionId) -> Result<ScriptVersionView> {
    let row = shown::<version::Entity>(cx, version::Column::BusinessId)
        .filter(version::Column::Id.eq(id))
        .one(cx.store().db())
        .await?
        .ok_or_else(|| Error::not_found("version of a script"))?;
    check_view(cx)?;
    let script = find(cx, row.script_id).await?;
    let names = people(cx, row.created_by).await?;
    Ok(ScriptVersionView {
        script_id: script.id,
        script_name: script.script_name,
        business_id: script.business_id,
        version: version_row(&row, &names)?,
        script: row.script,
    })
}

async fn views(cx: &Cx, rows: Vec<script::Model>) -> Result<Vec<ScriptView>> {
    let businesses = business::names(cx, rows.iter().filter_map(|row| row.business_id)).await?;
    let mut views = Vec::new();
    for row in rows {
        let last = latest(cx, &row).await?;
        let names = people(cx, last.created_by).await?;
        views.push(ScriptView {
            latest: version_row(&last, &names)?,
            business_name: row.business_id.and_then(|id| businesses.get(&id).cloned()),
            id: row.id,
            business_id: row.business_id,
            script_name: row.script_name,
            description: row.description,
            created_at: row.created_at,
            changed_at: row.changed_at,
            archived_at: row.archived_at,
        });
    }
    Ok(views)
}

fn version_row(row: &version::Model, names: &HashMap<UserId, String>) -> Result<ScriptVersionRow> {
    let parameters = serde_json::from_str(&row.parameters)
        .map_err(|error| Error::Internal(format!("stored parameters: {error}")))?;
    Ok(ScriptVersionRow {
        id: row.id,
        version: row.version.unsigned_abs(),
        shell: row.shell,
        script_sha256: row.script_sha256.clone(),
        parameters,
        created_by: row.created_by.and_then(|id| names.get(&id).cloned()),
        created_at: row.created_at,
    })
}

/// By the store: a shared script was written by somebody of the MSP.
async fn people(cx: &Cx, ids: impl IntoIterator<Item = UserId>) -> Result<HashMap<UserId, String>> {
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
