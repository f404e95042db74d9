//! The list of businesses, a page at a time, and the short form of it that one is chosen from.

use super::business;
use crate::{
    Cx, Error, Result,
    device::{CountBy, presence_counts},
    store::{
        keyset::{self, Order, column, holds, pattern},
        placeholders, statement,
    },
};
use entity::{
    business::{BusinessChoice, BusinessQuery, BusinessSort, BusinessView},
    id::BusinessId,
    page::Page,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, FromQueryResult, QueryFilter as _, QuerySelect as _, Select,
    Value,
};
use std::collections::HashMap;

/// Businesses offered at once to choose from; a search finds the others.
const CHOICES: u32 = 50;
/// Chosen ones that are offered in any case.
const CHOSEN_MAX: usize = 1_000;

/// One page of the businesses within reach.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn list(cx: &Cx, query: &BusinessQuery) -> Result<Page<BusinessView>> {
    let select = matching(cx, query.search.as_deref())?;
    let total = keyset::total(cx.db(), select.clone()).await?;
    let order = match query.sort.unwrap_or(BusinessSort::Name) {
        BusinessSort::Name => by_name(query.descending),
        BusinessSort::Added => {
            let key = column::<business::Entity>(business::Column::CreatedAt);
            Order::time("businesses.added", key, query.descending)
        }
    };
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: Some(total) })
}

/// Businesses to choose from: the first that match, and in any case those that are chosen. A cursor says that there are
/// more than these; a search finds them.
///
/// # Errors
/// Invalid names the field.
pub async fn choices(cx: &Cx, search: Option<&str>, chosen: &[BusinessId]) -> Result<Page<BusinessChoice>> {
    let order = by_name(false);
    let slice = keyset::page(cx.db(), matching(cx, search)?, order, None, Some(CHOICES)).await?;
    let missing: Vec<BusinessId> = chosen
        .iter()
        .copied()
        .filter(|id| slice.rows.iter().all(|row| row.id != *id))
        .take(CHOSEN_MAX)
        .collect();
    let found = slice.rows.into_iter().map(|row| (row.id, row.business_name));
    let mut items: Vec<_> = names(cx, missing).await?.into_iter().collect();
    items.sort_by_cached_key(|(_, name)| entity::input::fold(name));
    items.extend(found);
    let items = items.into_iter().map(|(id, business_name)| BusinessChoice { id, business_name }).collect();
    Ok(Page { items, next_cursor: slice.next_cursor, total: None })
}

fn by_name(is_descending: bool) -> Order {
    Order::text("businesses.name", column::<business::Entity>(business::Column::NameKey), is_descending)
}

fn matching(cx: &Cx, search: Option<&str>) -> Result<Select<business::Entity>> {
    let select = cx.select::<business::Entity>();
    Ok(match pattern(search)? {
        Some(pattern) => {
            select.filter(holds(column::<business::Entity>(business::Column::NameKey), &pattern))
        }
        None => select,
    })
}

/// The names of those of these businesses that are within reach.
pub(crate) async fn names(
    cx: &Cx,
    ids: impl IntoIterator<Item = BusinessId>,
) -> Result<HashMap<BusinessId, String>> {
    let mut ids: Vec<BusinessId> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(BusinessId, String)> = cx
        .select::<business::Entity>()
        .filter(business::Column::Id.is_in(ids))
        .select_only()
        .columns([business::Column::Id, business::Column::BusinessName])
        .into_tuple()
        .all(cx.db())
        .await?;
    Ok(found.into_iter().collect())
}

#[derive(FromQueryResult)]
struct Count {
    business_id: BusinessId,
    count: i64,
}

/// Rows of `table` within reach that each of these businesses has.
async fn count(cx: &Cx, table: &str, location: &str, ids: &[BusinessId]) -> Result<HashMap<BusinessId, u64>> {
    let (condition, mut values) = cx.reach().condition("business_id", location);
    values.extend(ids.iter().map(|id| Value::from(*id)));
    let sql = format!(
        "SELECT business_id, count(*) AS count FROM {table} WHERE {condition} AND business_id IN ({}) \
         GROUP BY business_id",
        placeholders(ids.len())
    );
    let rows = cx.db().query_all_raw(statement(cx.db().get_database_backend(), &sql, values)).await?;
    rows.iter()
        .map(|row| Count::from_query_result(row, "").map(|c| (c.business_id, c.count.unsigned_abs())))
        .collect::<std::result::Result<_, _>>()
        .map_err(Error::from)
}

pub(super) async fn views(cx: &Cx, rows: Vec<business::Model>) -> Result<Vec<BusinessView>> {
    let ids: Vec<BusinessId> = rows.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut devices: HashMap<_, _> = presence_counts(cx, CountBy::Business(&ids))
        .await?
        .into_iter()
        .map(|group| (group.business_id, group.counts))
        .collect();
    let locations = count(cx, "service_locations", "id", &ids).await?;
    let users = count(cx, "users", "NULL", &ids).await?;
    Ok(rows
        .into_iter()
        .map(|row| BusinessView {
            service_locations: locations.get(&row.id).copied().unwrap_or_default(),
            users: users.get(&row.id).copied().unwrap_or_default(),
            devices: devices.remove(&row.id).unwrap_or_default(),
            id: row.id,
            business_name: row.business_name,
            is_active: row.is_active,
            created_at: row.created_at,
            release_channel: row.release_channel,
        })
        .collect())
}
