//! Who is there.

use super::grant::is_known_to;
use crate::{
    Cx, Error, Result,
    access::{custom_roles, held_with},
    factor,
};
use entity::{
    id::{BusinessId, UserId},
    policy::Action,
    table::{access_grant, service_location, user, user_link},
    user::{GrantView, LinkKind, NamedRole, UserKind, UserView},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use std::collections::{HashMap, HashSet};

/// People within reach, of one business or of all, by name.
///
/// # Errors
/// Forbidden by role.
pub async fn list(cx: &Cx, of: Option<BusinessId>) -> Result<Vec<UserView>> {
    check_view(cx)?;
    let mut select = cx.select::<user::Entity>().filter(user::Column::Kind.eq(UserKind::Person));
    if let Some(of) = of {
        select = select.filter(user::Column::BusinessId.eq(of));
    }
    let rows = select.order_by_asc(user::Column::FullName).all(cx.db()).await?;
    views(cx, rows).await
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
    let store = cx.store();
    let names = crate::business::names(cx).await?;
    let ids: Vec<UserId> = rows.iter().map(|row| row.id).collect();
    let places: HashMap<_, _> = cx
        .select::<service_location::Entity>()
        .all(cx.db())
        .await?
        .into_iter()
        .map(|row| (row.id, row.location_name))
        .collect();
    let mut grants: HashMap<UserId, Vec<GrantView>> = HashMap::new();
    // Grants of people who were found within reach; what of them is beyond it is left out.
    let granted = access_grant::Entity::find().filter(access_grant::Column::UserId.is_in(ids.clone()));
    for row in granted.all(store.db()).await? {
        if !is_known_to(cx, &row) {
            continue;
        }
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
