//! Who is there.

use super::grant::is_known_to;
use crate::{
    Cx, Error, Result,
    access::{custom_roles, held_with},
    factor,
    store::keyset::{self, Order, holds, pattern},
};
use entity::{
    id::UserId,
    page::Page,
    policy::Action,
    table::{access_grant, user, user_link},
    user::{GrantView, LinkKind, NamedRole, UserKind, UserQuery, UserSort, UserView},
};
use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, sea_query::Expr};
use std::collections::{HashMap, HashSet};

/// One page of the people within reach, of one business or of all.
///
/// # Errors
/// Forbidden by role; invalid names the field of the query.
pub async fn list(cx: &Cx, query: &UserQuery) -> Result<Page<UserView>> {
    check_view(cx)?;
    let mut select = cx.select::<user::Entity>().filter(user::Column::Kind.eq(UserKind::Person));
    if let Some(of) = query.business_id {
        select = select.filter(user::Column::BusinessId.eq(of));
    }
    if let Some(role) = query.role {
        select = select.filter(user::Column::Role.eq(role));
    }
    if let Some(pattern) = pattern(query.search.as_deref())? {
        let contains = |column: user::Column| holds(keyset::column::<user::Entity>(column), &pattern);
        let found = Condition::any().add(contains(user::Column::NameKey)).add(contains(user::Column::Email));
        select = select.filter(found);
    }
    let total = keyset::total(cx.db(), select.clone()).await?;
    let order = order(query.sort.unwrap_or(UserSort::Name), query.descending);
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: Some(total) })
}

fn order(sort: UserSort, is_descending: bool) -> Order {
    let column = keyset::column::<user::Entity>;
    match sort {
        UserSort::Name => Order::text("users.name", column(user::Column::NameKey), is_descending),
        UserSort::Email => Order::text("users.email", column(user::Column::Email), is_descending),
        UserSort::Role => Order::text("users.role", column(user::Column::Role), is_descending),
        UserSort::LastSignIn => Order::time(
            "users.last_sign_in",
            // Those who never did count from when they were invited.
            Expr::cust(
                "CASE WHEN users.last_sign_in_at IS NULL THEN users.created_at ELSE users.last_sign_in_at END",
            ),
            is_descending,
        ),
    }
}

/// One person.
///
/// # Errors
/// Forbidden by role, not found when out of reach.
pub async fn get(cx: &Cx, id: UserId) -> Result<UserView> {
    check_view(cx)?;
    let row = find(cx, id).await?;
    views(cx, vec![row]).await?.pop().ok_or_else(|| Error::not_found("user"))
}

pub(super) fn check_view(cx: &Cx) -> Result<()> {
    cx.check(Action::ViewUser, "Your role does not show you other people.")
}

pub(crate) async fn find(cx: &Cx, id: UserId) -> Result<user::Model> {
    cx.select::<user::Entity>()
        .filter(user::Column::Id.eq(id))
        .filter(user::Column::Kind.eq(UserKind::Person))
        .one(cx.db())
        .await?
        .ok_or_else(|| Error::not_found("user"))
}

pub(crate) async fn views(cx: &Cx, rows: Vec<user::Model>) -> Result<Vec<UserView>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let store = cx.store();
    let ids: Vec<UserId> = rows.iter().map(|row| row.id).collect();
    let mut grants: HashMap<UserId, Vec<GrantView>> = HashMap::new();
    // Grants of people who were found within reach; what of them is beyond it is left out.
    let granted = access_grant::Entity::find().filter(access_grant::Column::UserId.is_in(ids.clone()));
    let mut granted = granted.all(store.db()).await?;
    granted.retain(|row| is_known_to(cx, row));
    let businesses = rows.iter().filter_map(|row| row.business_id);
    let businesses = businesses.chain(granted.iter().filter_map(|row| row.business_id));
    let names = crate::business::names(cx, businesses).await?;
    let places = granted.iter().filter_map(|row| row.service_location_id);
    let places = crate::service_location::names(cx, places).await?;
    for row in granted {
        let name = row.business_id.and_then(|id| names.get(&id).cloned());
        grants.entry(row.user_id).or_default().push(GrantView {
            effect: row.effect,
            business_id: row.business_id,
            business_name: name,
            location_name: row.service_location_id.and_then(|id| places.get(&id).cloned()),
            service_location_id: row.service_location_id,
        });
    }
    let waiting = user_link::Entity::find()
        .filter(user_link::Column::UserId.is_in(ids.clone()))
        .filter(user_link::Column::Kind.eq(LinkKind::Invitation))
        .filter(user_link::Column::UsedAt.is_null())
        .filter(user_link::Column::ExpiresAt.gt(store.now()))
        .all(store.db())
        .await?;
    let with_factor = factor::who_has_any(store, &ids).await?;
    let waiting: HashSet<UserId> = waiting.into_iter().map(|link| link.user_id).collect();
    let roles = custom_roles(store).await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let role = row.custom_role_id.and_then(|id| roles.get(&id));
        views.push(UserView {
            business_name: row.business_id.and_then(|id| names.get(&id).cloned()),
            grants: grants.remove(&row.id).unwrap_or_default(),
            custom_role: role.map(|role| NamedRole { id: role.id, role_name: role.role_name.clone() }),
            extra_permissions: crate::access::read_list(&row.extra_permissions)?,
            permissions: held_with(&roles, &row)?,
            is_invited: waiting.contains(&row.id),
            has_factor: with_factor.contains(&row.id),
            id: row.id,
            kind: row.kind,
            email: row.email,
            full_name: row.full_name,
            role: row.role,
            business_id: row.business_id,
            is_active: row.is_active,
            must_change_password: row.must_change_password,
            last_sign_in_at: row.last_sign_in_at,
            created_at: row.created_at,
        });
    }
    Ok(views)
}
