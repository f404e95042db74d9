//! Businesses: the customers of the MSP.

use crate::{
    Confirmed, Cx, Error, Result,
    access::{Target, end_sessions_of},
    audit::Record,
    device::{CountBy, presence_counts},
    error::on_duplicate,
    store::{Reach, statement},
};
use entity::{
    business::{BusinessInput, BusinessView},
    id::BusinessId,
    input,
    policy::Action,
    presence::DisconnectReason,
    table::{business, device},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, FromQueryResult as _,
    QueryFilter as _, QueryOrder as _, Set, sea_query::Expr,
};
use std::collections::HashMap;

/// Businesses within reach, by name.
///
/// # Errors
/// When the database fails.
pub async fn list(cx: &Cx) -> Result<Vec<BusinessView>> {
    let rows =
        cx.select::<business::Entity>().order_by_asc(business::Column::BusinessName).all(cx.db()).await?;
    views(cx, rows).await
}

/// One business.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn get(cx: &Cx, id: BusinessId) -> Result<BusinessView> {
    let row = find(cx, id).await?;
    views(cx, vec![row]).await?.pop().ok_or_else(|| Error::not_found("business"))
}

/// Adds a business.
///
/// # Errors
/// Forbidden by role; invalid or conflict names the field.
pub async fn add(cx: &Cx, input: BusinessInput) -> Result<BusinessView> {
    let permit = cx.permit(Action::ManageBusiness, Target::Msp)?;
    let name = input::line("business_name", &input.business_name)?;
    let id = BusinessId::generate();
    let change = permit.begin().await?;
    business::ActiveModel {
        id: Set(id),
        business_name: Set(name.clone()),
        is_active: Set(true),
        created_at: Set(cx.store().now()),
    }
    .insert(&*change)
    .await
    .map_err(on_duplicate("business_name", TAKEN))?;
    let record = Record::new("business.add", format!("Added the business {name}")).after(&name);
    permit.commit(change, record).await?;
    get(cx, id).await
}

/// Renames a business.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role; invalid or conflict names the field.
pub async fn rename(cx: &Cx, id: BusinessId, input: BusinessInput) -> Result<BusinessView> {
    let before = find(cx, id).await?;
    let permit = cx.permit(Action::ManageBusiness, Target::Business(id))?;
    let name = input::line("business_name", &input.business_name)?;
    let change = permit.begin().await?;
    business::Entity::update_many()
        .col_expr(business::Column::BusinessName, Expr::value(name.as_str()))
        .filter(business::Column::Id.eq(id))
        .exec(&*change)
        .await
        .map_err(on_duplicate("business_name", TAKEN))?;
    let summary = format!("Renamed the business {} to {name}", before.business_name);
    let record = Record::new("business.rename", summary).before(&before.business_name).after(&name);
    permit.commit(change, record).await?;
    get(cx, id).await
}

/// Switches a business off or on again. When it goes off its people are signed out; while it is off they cannot sign
/// in, their keys do not work, its devices are not heard and no machine becomes one of them. Nothing that is stored is
/// lost, and its agents come back by themselves.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role.
pub async fn set_active(cx: &Confirmed<'_>, id: BusinessId, is_active: bool) -> Result<BusinessView> {
    let before = find(cx, id).await?;
    let permit = cx.permit(Action::ManageBusiness, Target::Business(id))?;
    let change = permit.begin().await?;
    business::Entity::update_many()
        .col_expr(business::Column::IsActive, Expr::value(is_active))
        .filter(business::Column::Id.eq(id))
        .exec(&*change)
        .await?;
    if !is_active {
        end_sessions_of(cx.store(), &change, id).await?;
    }
    let (action, words) =
        if is_active { ("business.activate", "on") } else { ("business.deactivate", "off") };
    let record = Record::new(action, format!("Switched the business {} {words}", before.business_name));
    permit.commit(change, record.before(before.is_active).after(is_active)).await?;
    if !is_active && let Some(courier) = cx.store().courier() {
        // All of them, also where whoever switches it off reaches only a part.
        for row in Reach::of(id).select::<device::Entity>().all(cx.store().db()).await? {
            courier.disconnect(row.id, DisconnectReason::AccessChanged);
        }
    }
    get(cx, id).await
}

const TAKEN: &str = "There is a business of this name already.";

/// The row, if it is within reach.
pub(crate) async fn find(cx: &Cx, id: BusinessId) -> Result<business::Model> {
    cx.select::<business::Entity>()
        .filter(business::Column::Id.eq(id))
        .one(cx.db())
        .await?
        .ok_or_else(|| Error::not_found("business"))
}

/// The names of the businesses within reach.
pub(crate) async fn names(cx: &Cx) -> Result<HashMap<BusinessId, String>> {
    let rows = cx.select::<business::Entity>().all(cx.db()).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.business_name)).collect())
}

#[derive(sea_orm::FromQueryResult)]
struct Count {
    business_id: BusinessId,
    count: i64,
}

/// Rows of `table` per business within reach.
async fn count(cx: &Cx, table: &str, location: &str) -> Result<HashMap<BusinessId, u64>> {
    let (condition, values) = cx.reach().condition("business_id", location);
    let sql = format!(
        "SELECT business_id, count(*) AS count FROM {table} WHERE business_id IS NOT NULL AND {condition} \
         GROUP BY business_id"
    );
    let rows = cx.db().query_all_raw(statement(cx.db().get_database_backend(), &sql, values)).await?;
    rows.iter()
        .map(|row| Count::from_query_result(row, "").map(|c| (c.business_id, c.count.unsigned_abs())))
        .collect::<std::result::Result<_, _>>()
        .map_err(Error::from)
}

async fn views(cx: &Cx, rows: Vec<business::Model>) -> Result<Vec<BusinessView>> {
    let devices = presence_counts(cx, CountBy::Business).await?;
    let locations = count(cx, "service_locations", "id").await?;
    let users = count(cx, "users", "NULL").await?;
    Ok(rows
        .into_iter()
        .map(|row| BusinessView {
            service_locations: locations.get(&row.id).copied().unwrap_or_default(),
            users: users.get(&row.id).copied().unwrap_or_default(),
            devices: devices
                .iter()
                .filter(|c| c.business_id == row.id)
                .map(|c| c.counts)
                .next()
                .unwrap_or_default(),
            id: row.id,
            business_name: row.business_name,
            is_active: row.is_active,
            created_at: row.created_at,
        })
        .collect())
}
