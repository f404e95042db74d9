//! People: the MSP's own and those of its customers.

use crate::{
    Cx, Error, Result,
    access::{Permit, end_sessions, hash_password},
    error::on_duplicate,
    secret,
    store::Reach,
};
use entity::{
    id::{BusinessId, UserId},
    input,
    policy::{Action, may},
    problem::Problem,
    table::{business, user, user_grant},
    user::{GrantedBusiness, Role, UserInput, UserView, UserWithPassword},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, Set, sea_query::Expr,
};
use std::collections::HashMap;

/// People within reach, of one business or of all, by name.
///
/// # Errors
/// Forbidden by role.
pub async fn list(cx: &Cx, of: Option<BusinessId>) -> Result<Vec<UserView>> {
    check_view(cx)?;
    let mut select = cx.select::<user::Entity>();
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

fn check_view(cx: &Cx) -> Result<()> {
    if may(cx.me().role, Action::ViewUser) && *cx.reach() != Reach::Nothing {
        Ok(())
    } else {
        Err(Error::forbidden("Your role does not show you other people."))
    }
}

/// Adds a person with a password that works once.
///
/// # Errors
/// Forbidden by role; invalid or conflict names the field.
pub async fn add(cx: &Cx, input: UserInput) -> Result<UserWithPassword> {
    let permit = cx.permit(Action::ManageUser, input.business_id)?;
    let email = input::email("email", &input.email)?;
    let full_name = input::line("full_name", &input.full_name)?;
    check_place(cx, &input).await?;
    let password = one_time_password()?;
    let hash = hash_password(cx.store(), &password).await?;
    let id = UserId::generate();
    let change = permit.begin().await?;
    user::ActiveModel {
        id: Set(id),
        business_id: Set(input.business_id),
        email: Set(email),
        full_name: Set(full_name.clone()),
        role: Set(input.role),
        password_hash: Set(hash),
        must_change_password: Set(true),
        is_active: Set(true),
        last_sign_in_at: Set(None),
        created_at: Set(cx.store().now()),
    }
    .insert(&*change)
    .await
    .map_err(on_duplicate("email", "Somebody signs in with this address already."))?;
    for business_id in &input.granted {
        user_grant::ActiveModel { user_id: Set(id), business_id: Set(*business_id) }.insert(&*change).await?;
    }
    let summary = format!("Added {full_name} as {}", input.role.label());
    permit.commit(change, None, "user.add", summary).await?;
    shown_once(cx, id, password).await
}

/// Replaces a person's password with one that works once, and ends their sessions.
///
/// # Errors
/// Not found when out of reach, forbidden by role or for oneself.
pub async fn reset_password(cx: &Cx, id: UserId) -> Result<UserWithPassword> {
    let (row, permit) = permit_other(cx, id).await?;
    let password = one_time_password()?;
    let hash = hash_password(cx.store(), &password).await?;
    let change = permit.begin().await?;
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(hash))
        .col_expr(user::Column::MustChangePassword, Expr::value(true))
        .filter(user::Column::Id.eq(id))
        .exec(&*change)
        .await?;
    end_sessions(cx, &change, id, None).await?;
    let summary = format!("Reset the password of {}", row.full_name);
    permit.commit(change, None, "user.reset_password", summary).await?;
    shown_once(cx, id, password).await
}

/// Lets a person in again, or shuts them out and ends their sessions.
///
/// # Errors
/// Not found when out of reach, forbidden by role or for oneself.
pub async fn set_active(cx: &Cx, id: UserId, is_active: bool) -> Result<UserView> {
    let (row, permit) = permit_other(cx, id).await?;
    let change = permit.begin().await?;
    user::Entity::update_many()
        .col_expr(user::Column::IsActive, Expr::value(is_active))
        .filter(user::Column::Id.eq(id))
        .exec(&*change)
        .await?;
    if !is_active {
        end_sessions(cx, &change, id, None).await?;
    }
    let (action, word) =
        if is_active { ("user.activate", "Let in") } else { ("user.deactivate", "Shut out") };
    permit.commit(change, None, action, format!("{word} {}", row.full_name)).await?;
    get(cx, id).await
}

/// The one-time password of somebody whom the caller has just added or reset; handed out once.
///
/// # Errors
/// Not found when out of reach.
pub async fn take_password(cx: &Cx, id: UserId) -> Result<Option<String>> {
    check_view(cx)?;
    find(cx, id).await?;
    Ok(cx.store().passwords_to_show().take(cx.store().now(), cx.me().id, &id))
}

async fn shown_once(cx: &Cx, id: UserId, password: String) -> Result<UserWithPassword> {
    cx.store().passwords_to_show().put(cx.store().now(), cx.me().id, id, password.clone());
    Ok(UserWithPassword { user: get(cx, id).await?, one_time_password: password })
}

/// 80 bits, easy to read out on the telephone.
fn one_time_password() -> Result<String> {
    secret::readable(4, 4)
}

async fn permit_other(cx: &Cx, id: UserId) -> Result<(user::Model, Permit<'_>)> {
    let row = find(cx, id).await?;
    let permit = cx.permit(Action::ManageUser, row.business_id)?;
    if id == cx.me().id {
        return Err(Error::forbidden("Use your own account page for yourself."));
    }
    Ok((row, permit))
}

async fn find(cx: &Cx, id: UserId) -> Result<user::Model> {
    cx.select::<user::Entity>()
        .filter(user::Column::Id.eq(id))
        .one(cx.db())
        .await?
        .ok_or_else(|| Error::not_found("user"))
}

/// A customer's person needs a business, the MSP's own must not have one; only technicians have grants.
async fn check_place(cx: &Cx, input: &UserInput) -> Result<()> {
    match (input.role.is_msp(), input.business_id) {
        (true, Some(_)) => {
            return Err(Problem::invalid("business_id", "The MSP's own people belong to no business.").into());
        }
        (false, None) => return Err(Problem::invalid("business_id", "Choose whose person this is.").into()),
        (false, Some(business)) => {
            crate::business::find(cx, business).await?;
        }
        (true, None) => {}
    }
    if input.role != Role::Technician {
        return if input.granted.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid("granted", "Only technicians are granted businesses.").into())
        };
    }
    let granted: std::collections::HashSet<_> = input.granted.iter().copied().collect();
    let known = cx
        .select::<business::Entity>()
        .filter(business::Column::Id.is_in(granted.iter().copied()))
        .count(cx.db())
        .await?;
    if granted.len() == input.granted.len() && known == granted.len() as u64 {
        Ok(())
    } else {
        Err(Problem::invalid("granted", "Choose businesses that exist, each once.").into())
    }
}

async fn views(cx: &Cx, rows: Vec<user::Model>) -> Result<Vec<UserView>> {
    let names = crate::business::names(cx).await?;
    let mut granted: HashMap<UserId, Vec<GrantedBusiness>> = HashMap::new();
    let ids = rows.iter().filter(|row| row.role == Role::Technician).map(|row| row.id);
    for grant in user_grant::Entity::find().filter(user_grant::Column::UserId.is_in(ids)).all(cx.db()).await?
    {
        if let Some(name) = names.get(&grant.business_id) {
            let business = GrantedBusiness { id: grant.business_id, business_name: name.clone() };
            granted.entry(grant.user_id).or_default().push(business);
        }
    }
    Ok(rows
        .into_iter()
        .map(|row| UserView {
            business_name: row.business_id.and_then(|id| names.get(&id).cloned()),
            granted: granted.remove(&row.id).unwrap_or_default(),
            id: row.id,
            email: row.email,
            full_name: row.full_name,
            role: row.role,
            business_id: row.business_id,
            is_active: row.is_active,
            must_change_password: row.must_change_password,
            last_sign_in_at: row.last_sign_in_at,
            created_at: row.created_at,
        })
        .collect())
}
