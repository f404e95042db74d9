//! The list of service locations, a page at a time, and the short form of it that one is chosen from.

use super::service_location as table;
use crate::{
    Cx, Result,
    device::{CountBy, presence_counts},
    store::keyset::{self, Order, column, holds, pattern},
};
use entity::{
    id::{BusinessId, ServiceLocationId},
    page::Page,
    service_location::{
        ServiceLocationChoice, ServiceLocationQuery, ServiceLocationSort, ServiceLocationView,
    },
    table::business as business_table,
};
use sea_orm::{ColumnTrait as _, Condition, QueryFilter as _, QuerySelect as _, Select, sea_query::Query};
use std::collections::HashMap;

/// Places offered at once to choose from; a search finds the others.
const CHOICES: u32 = 100;
/// Chosen ones that are offered in any case.
const CHOSEN_MAX: usize = 1_000;

/// One page of the service locations within reach, of one business or of all.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn list(cx: &Cx, query: &ServiceLocationQuery) -> Result<Page<ServiceLocationView>> {
    let select = matching(cx, query.business_id, query.search.as_deref())?;
    let total = keyset::total(cx.db(), select.clone()).await?;
    let order = match query.sort.unwrap_or(ServiceLocationSort::Name) {
        ServiceLocationSort::Name => by_name(query.descending),
        ServiceLocationSort::Added => {
            let key = column::<table::Entity>(table::Column::CreatedAt);
            Order::time("service_locations.added", key, query.descending)
        }
    };
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: Some(total) })
}

/// Places to choose from, of one business or of all: the first that match, and in any case those that are chosen. A
/// cursor says that there are more than these; a search finds them.
///
/// # Errors
/// Invalid names the field.
pub async fn choices(
    cx: &Cx,
    business: Option<BusinessId>,
    search: Option<&str>,
    chosen: &[ServiceLocationId],
) -> Result<Page<ServiceLocationChoice>> {
    let mut select = within(cx, business);
    if let Some(pattern) = pattern(search)? {
        // Of a place's own name, or that of its business: who looks for places knows either.
        let of = Query::select()
            .column(business_table::Column::Id)
            .from(business_table::Entity)
            .and_where(holds(column::<business_table::Entity>(business_table::Column::NameKey), &pattern))
            .to_owned();
        let name = column::<table::Entity>(table::Column::NameKey);
        let found =
            Condition::any().add(holds(name, &pattern)).add(table::Column::BusinessId.in_subquery(of));
        select = select.filter(found);
    }
    let mut slice = keyset::page(cx.db(), select, by_name(false), None, Some(CHOICES)).await?;
    let missing: Vec<_> = chosen
        .iter()
        .copied()
        .filter(|id| slice.rows.iter().all(|row| row.id != *id))
        .take(CHOSEN_MAX)
        .collect();
    if !missing.is_empty() {
        let found =
            cx.select::<table::Entity>().filter(table::Column::Id.is_in(missing)).all(cx.db()).await?;
        slice.rows.splice(0..0, found);
    }
    let names = crate::business::names(cx, slice.rows.iter().map(|row| row.business_id)).await?;
    let items = slice.rows.into_iter().map(|row| ServiceLocationChoice {
        business_name: names.get(&row.business_id).cloned().unwrap_or_default(),
        id: row.id,
        business_id: row.business_id,
        location_name: row.location_name,
    });
    Ok(Page { items: items.collect(), next_cursor: slice.next_cursor, total: None })
}

fn by_name(is_descending: bool) -> Order {
    let key = column::<table::Entity>(table::Column::NameKey);
    Order::text("service_locations.name", key, is_descending)
}

fn within(cx: &Cx, business: Option<BusinessId>) -> Select<table::Entity> {
    let select = cx.select::<table::Entity>();
    match business {
        Some(business) => select.filter(table::Column::BusinessId.eq(business)),
        None => select,
    }
}

fn matching(cx: &Cx, business: Option<BusinessId>, search: Option<&str>) -> Result<Select<table::Entity>> {
    let mut select = within(cx, business);
    if let Some(pattern) = pattern(search)? {
        select = select.filter(holds(column::<table::Entity>(table::Column::NameKey), &pattern));
    }
    Ok(select)
}

/// The names of those of these places that are within reach.
pub(crate) async fn names(
    cx: &Cx,
    ids: impl IntoIterator<Item = ServiceLocationId>,
) -> Result<HashMap<ServiceLocationId, String>> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(ServiceLocationId, String)> = cx
        .select::<table::Entity>()
        .filter(table::Column::Id.is_in(ids))
        .select_only()
        .columns([table::Column::Id, table::Column::LocationName])
        .into_tuple()
        .all(cx.db())
        .await?;
    Ok(found.into_iter().collect())
}

pub(super) async fn views(cx: &Cx, rows: Vec<table::Model>) -> Result<Vec<ServiceLocationView>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let names = crate::business::names(cx, rows.iter().map(|row| row.business_id)).await?;
    let mut devices: HashMap<_, _> = presence_counts(cx, CountBy::ServiceLocation(&ids))
        .await?
        .into_iter()
        .map(|group| (group.service_location_id, group.counts))
        .collect();
    Ok(rows
        .into_iter()
        .map(|row| ServiceLocationView {
            business_name: names.get(&row.business_id).cloned().unwrap_or_default(),
            devices: devices.remove(&Some(row.id)).unwrap_or_default(),
            id: row.id,
            business_id: row.business_id,
            location_name: row.location_name,
            address: row.address,
            contact_person: row.contact_person,
            contact_phone: row.contact_phone,
            is_headquarters: row.is_headquarters,
            created_at: row.created_at,
        })
        .collect())
}
