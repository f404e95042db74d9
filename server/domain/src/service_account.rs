//! Service accounts: users that are programs. They never sign in; API keys act as them.

use crate::{
    Confirmed, Cx, Error, Result,
    access::{Authority, Permit, Target, write_permissions},
    audit::Record,
    store::keyset::{self, Order, holds, pattern},
    user::{NO_PASSWORD, check_not_above, fill, grant, views as user_views},
};
use entity::{
    api_key::{ServiceAccountChange, ServiceAccountInput, ServiceAccountQuery, ServiceAccountView},
    id::UserId,
    input,
    page::Page,
    policy::Action,
    table::{api_key, user},
    user::{UserInput, UserKind},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, Set,
    sea_query::Expr,
};
use std::collections::HashMap;

/// One page of the service accounts within reach, by name.
///
/// # Errors
/// Forbidden by role; invalid names the field of the query.
pub async fn list(cx: &Cx, query: &ServiceAccountQuery) -> Result<Page<ServiceAccountView>> {
    check_role(cx)?;
    let name = || keyset::column::<user::Entity>(user::Column::NameKey);
    let mut select = cx.select::<user::Entity>().filter(user::Column::Kind.eq(UserKind::Service));
    if let Some(of) = query.business_id {
        select = select.filter(user::Column::BusinessId.eq(of));
    }
    if let Some(pattern) = pattern(query.search.as_deref())? {
        select = select.filter(holds(name(), &pattern));
    }
    let total = keyset::total(cx.db(), select.clone()).await?;
    let order = Order::text("service_accounts.name", name(), false);
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: Some(total) })
}

/// One service account.
///
/// # Errors
/// Forbidden by role, not found when out of reach.
pub async fn get(cx: &Cx, id: UserId) -> Result<ServiceAccountView> {
    check_role(cx)?;
    let row = find(cx, id).await?;
    views(cx, vec![row]).await?.pop().ok_or_else(|| Error::not_found("service account"))
}

/// Makes a service account, of a business or of the MSP.
///
/// # Errors
/// Forbidden by role, or when it would be allowed more than who makes it; invalid names the field.
pub async fn add(cx: &Confirmed<'_>, input: ServiceAccountInput) -> Result<ServiceAccountView> {
    let permit = cx.permit(Action::ManageApiKey, Target::of(input.business_id))?;
    if input.business_id.is_none() && !cx.reach().is_everything() {
        return Err(Error::forbidden("The MSP's own are for those who reach every business."));
    }
    let id = UserId::generate();
    let _turn = Authority::of(cx).await?;
    let filled = fill(cx, &as_user(id, &input)).await?;
    let change = permit.begin().await?;
    user::ActiveModel {
        id: Set(id),
        business_id: Set(input.business_id),
        kind: Set(UserKind::Service),
        email: Set(filled.email),
        full_name: Set(filled.full_name.clone()),
        name_key: Set(entity::input::fold(&filled.full_name)),
        role: Set(input.role),
        custom_role_id: Set(None),
        extra_permissions: Set(write_permissions(&filled.extra)),
        password_hash: Set(NO_PASSWORD.to_owned()),
        must_change_password: Set(false),
        is_active: Set(true),
        last_sign_in_at: Set(None),
        created_at: Set(cx.store().now()),
    }
    .insert(&*change)
    .await?;
    grant(&change, id, &filled.grants).await?;
    let summary = format!("Made the service account {} as {}", filled.full_name, input.role.label());
    permit.commit(change, Record::new("service_account.add", summary).after(&input)).await?;
    get(cx, id).await
}

/// Renames a service account, or switches it off or on again. While it is off its keys do not work.
///
/// # Errors
/// Not found when out of reach; forbidden by role, or when it may do more than who changes it; invalid names the field.
pub async fn change(
    cx: &Confirmed<'_>,
    id: UserId,
    wanted: ServiceAccountChange,
) -> Result<ServiceAccountView> {
    let _turn = Authority::of(cx).await?;
    let (row, permit) = permit_account(cx, id).await?;
    let before = get(cx, id).await?;
    let full_name = match &wanted.full_name {
        Some(text) => input::line("full_name", text)?,
        None => row.full_name.clone(),
    };
    let is_active = wanted.is_active.unwrap_or(row.is_active);
    let (action, summary) = if is_active == row.is_active {
        ("service_account.rename", format!("Renamed the service account {} to {full_name}", row.full_name))
    } else if is_active {
        ("service_account.activate", format!("Switched the service account {full_name} on"))
    } else {
        ("service_account.deactivate", format!("Switched the service account {full_name} off"))
    };
    let change = permit.begin().await?;
    user::Entity::update_many()
        .col_expr(user::Column::NameKey, Expr::value(input::fold(&full_name)))
        .col_expr(user::Column::FullName, Expr::value(full_name))
        .col_expr(user::Column::IsActive, Expr::value(is_active))
        .filter(user::Column::Id.eq(id))
        .exec(&*change)
        .await?;
    permit.commit(change, Record::new(action, summary).before(&before).after(&wanted)).await?;
    get(cx, id).await
}

/// A permit on a service account, which may not be allowed more than who asks.
async fn permit_account<'a>(cx: &'a Confirmed<'_>, id: UserId) -> Result<(user::Model, Permit<'a>)> {
    let row = find(cx, id).await?;
    let permit = cx.permit(Action::ManageApiKey, Target::of(row.business_id))?;
    check_not_above(cx, &row).await?;
    Ok((row, permit))
}

/// The same as of a person, so that the same checks say what may be handed on.
fn as_user(id: UserId, input: &ServiceAccountInput) -> UserInput {
    UserInput {
        // RFC 2606 keeps `.invalid` free: no letter ever arrives there.
        email: format!("svc-{id}@service.invalid"),
        full_name: input.full_name.clone(),
        role: input.role,
        custom_role_id: None,
        extra_permissions: Vec::new(),
        business_id: input.business_id,
        every_business: input.every_business,
        granted: input.granted.clone(),
        granted_locations: Vec::new(),
        denied: Vec::new(),
        denied_locations: Vec::new(),
    }
}

fn check_role(cx: &Cx) -> Result<()> {
    cx.check(Action::ManageApiKey, "Your role does not manage service accounts.")
}

/// The row, if it is within reach.
pub(crate) async fn find(cx: &Cx, id: UserId) -> Result<user::Model> {
    cx.select::<user::Entity>()
        .filter(user::Column::Id.eq(id))
        .filter(user::Column::Kind.eq(UserKind::Service))
        .one(cx.db())
        .await?
        .ok_or_else(|| Error::not_found("service account"))
}

async fn views(cx: &Cx, rows: Vec<user::Model>) -> Result<Vec<ServiceAccountView>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let counted: Vec<(UserId, i64)> = cx
        .select::<api_key::Entity>()
        .filter(api_key::Column::UserId.is_in(ids))
        .filter(api_key::Column::RevokedAt.is_null())
        .filter(api_key::Column::ExpiresAt.gt(cx.store().now()))
        .select_only()
        .column(api_key::Column::UserId)
        .column_as(api_key::Column::Id.count(), "keys")
        .group_by(api_key::Column::UserId)
        .into_tuple()
        .all(cx.db())
        .await?;
    let working: HashMap<UserId, u32> =
        counted.into_iter().map(|(id, keys)| (id, u32::try_from(keys).unwrap_or_default())).collect();
    let view = |user: entity::user::UserView| ServiceAccountView {
        working_keys: working.get(&user.id).copied().unwrap_or_default(),
        id: user.id,
        full_name: user.full_name,
        role: user.role,
        permissions: user.permissions,
        business_id: user.business_id,
        business_name: user.business_name,
        grants: user.grants,
        is_active: user.is_active,
        created_at: user.created_at,
    };
    Ok(user_views(cx, rows).await?.into_iter().map(view).collect())
}
