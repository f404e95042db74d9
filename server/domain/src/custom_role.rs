//! Custom roles: the MSP makes them from named permissions, and they stand in for the permissions of a built-in role.

use crate::{
    Confirmed, Cx, Error, Result,
    access::{Authority, Target, custom_role, holders, reach_of, read_list, write_permissions},
    audit::Record,
    error::on_duplicate,
    store::keyset::{self, Order, holds, pattern},
};
use entity::{
    custom_role::{CustomRoleInput, CustomRoleQuery, CustomRoleView},
    id::CustomRoleId,
    input,
    page::Page,
    policy::{Action, Permissions},
    problem::Problem,
    table::{custom_role as table, user},
    user::Role,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, Set,
    sea_query::{Expr, Func},
};
use std::collections::HashMap;

/// One page of the custom roles that this person may know of, by name: those for the people that they manage.
///
/// # Errors
/// Forbidden by role; invalid names the field of the query.
pub async fn list(cx: &Cx, query: &CustomRoleQuery) -> Result<Page<CustomRoleView>> {
    check_view(cx)?;
    let mut select = table::Entity::find();
    if !cx.me().role.is_msp() {
        select = select
            .filter(table::Column::BaseRole.is_in(Role::ALL.iter().filter(|role| !role.is_msp()).copied()));
    }
    let name = || Expr::expr(Func::lower(keyset::column::<table::Entity>(table::Column::RoleName)));
    if let Some(pattern) = pattern(query.search.as_deref())? {
        select = select.filter(holds(name(), &pattern));
    }
    let total = keyset::total(cx.store().db(), select.clone()).await?;
    let order = Order::text("roles.name", name(), false);
    let slice = keyset::page(cx.store().db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: Some(total) })
}

/// One custom role.
///
/// # Errors
/// Forbidden by role, not found when there is none that they may know of.
pub async fn get(cx: &Cx, id: CustomRoleId) -> Result<CustomRoleView> {
    check_view(cx)?;
    let row = find(cx, id).await?;
    views(cx, vec![row]).await?.pop().ok_or_else(not_found)
}

/// Makes a role.
///
/// # Errors
/// Forbidden by role; invalid names the field, also for what who asks may not do themselves; conflict when the name is
/// taken.
pub async fn add(cx: &Confirmed<'_>, input: CustomRoleInput) -> Result<CustomRoleView> {
    let permit = cx.permit(Action::ManageRole, Target::Msp)?;
    let _turn = Authority::of(cx).await?;
    let (name, permissions) = check(cx, &input)?;
    let id = CustomRoleId::generate();
    let change = permit.begin().await?;
    table::ActiveModel {
        id: Set(id),
        role_name: Set(name.clone()),
        base_role: Set(input.base_role),
        permissions: Set(write_permissions(&permissions)),
        created_at: Set(cx.store().now()),
    }
    .insert(&*change)
    .await
    .map_err(on_duplicate("role_name", TAKEN))?;
    let after = CustomRoleInput { role_name: name.clone(), permissions: permissions.into(), ..input };
    permit.commit(change, Record::new("role.add", format!("Made the role {name}")).after(&after)).await?;
    get(cx, id).await
}

/// Gives a role another name or other permissions; those who have it can do from then on what it says.
///
/// # Errors
/// Not found, forbidden by role, for one's own role, or when it or somebody who has it is allowed more than who
/// changes it; invalid names the field; conflict when the name is taken.
pub async fn change(cx: &Confirmed<'_>, id: CustomRoleId, input: CustomRoleInput) -> Result<CustomRoleView> {
    let permit = cx.permit(Action::ManageRole, Target::Msp)?;
    let _turn = Authority::of(cx).await?;
    let row = find(cx, id).await?;
    let before = as_input(&row)?;
    if input.base_role != row.base_role {
        let detail = "A role stays the kind of role it is; make another one instead.";
        return Err(Error::conflict(Some("base_role"), detail));
    }
    check_hold(cx, &before.permissions.clone().into())?;
    for holder in holders(cx.store(), id).await? {
        if holder.id == cx.me().id {
            return Err(Error::forbidden("This is your own role: somebody else has to change it."));
        }
        if !reach_of(cx.store(), &holder).await?.is_within(cx.reach()) {
            return Err(Error::forbidden("Somebody who has this role reaches more than you."));
        }
    }
    let (name, permissions) = check(cx, &input)?;
    let change = permit.begin().await?;
    table::Entity::update_many()
        .col_expr(table::Column::RoleName, Expr::value(name.as_str()))
        .col_expr(table::Column::Permissions, Expr::value(write_permissions(&permissions)))
        .filter(table::Column::Id.eq(id))
        .exec(&*change)
        .await
        .map_err(on_duplicate("role_name", TAKEN))?;
    let after = CustomRoleInput { role_name: name, permissions: permissions.into(), ..input };
    let record = Record::new("role.change", format!("Changed the role {}", row.role_name));
    permit.commit(change, record.before(&before).after(&after)).await?;
    get(cx, id).await
}

/// Removes a role that nobody has; answers what it was.
///
/// # Errors
/// Not found, forbidden by role, conflict while people have it.
pub async fn remove(cx: &Confirmed<'_>, id: CustomRoleId) -> Result<CustomRoleView> {
    let permit = cx.permit(Action::ManageRole, Target::Msp)?;
    let _turn = Authority::of(cx).await?;
    let row = find(cx, id).await?;
    let before = as_input(&row)?;
    check_hold(cx, &before.permissions.clone().into())?;
    match holders(cx.store(), id).await?.len() {
        0 => {}
        1 => return Err(Error::conflict(None, "1 person has this role. Give them another one first.")),
        n => {
            let detail = format!("{n} people have this role. Give them another one first.");
            return Err(Error::conflict(None, detail));
        }
    }
    let change = permit.begin().await?;
    table::Entity::delete_many().filter(table::Column::Id.eq(id)).exec(&*change).await?;
    let record = Record::new("role.remove", format!("Removed the role {}", row.role_name));
    permit.commit(change, record.before(&before)).await?;
    views(cx, vec![row]).await?.pop().ok_or_else(not_found)
}

const TAKEN: &str = "There is a role of this name already.";

fn not_found() -> Error {
    Error::not_found("role")
}

fn check_view(cx: &Cx) -> Result<()> {
    let action = if cx.me().may(Action::ManageRole) { Action::ManageRole } else { Action::ViewUser };
    cx.check(action, "Your role does not show you roles.")
}

/// A customer's people know of the roles that theirs can have.
fn is_known_to(cx: &Cx, row: &table::Model) -> bool {
    cx.me().role.is_msp() || !row.base_role.is_msp()
}

async fn find(cx: &Cx, id: CustomRoleId) -> Result<table::Model> {
    custom_role(cx.store(), id).await?.filter(|row| is_known_to(cx, row)).ok_or_else(not_found)
}

fn as_input(row: &table::Model) -> Result<CustomRoleInput> {
    Ok(CustomRoleInput {
        role_name: row.role_name.clone(),
        base_role: row.base_role,
        permissions: read_list(&row.permissions)?,
    })
}

/// A role that allows more than who changes it is for somebody stronger to change.
fn check_hold(cx: &Cx, permissions: &Permissions) -> Result<()> {
    if cx.me().permissions.include(permissions) {
        Ok(())
    } else {
        Err(Error::forbidden(
            "This role allows more than you may do; somebody who may do as much has to do this.",
        ))
    }
}

/// The name and the permissions that are asked for, when they can be had.
fn check(cx: &Cx, input: &CustomRoleInput) -> Result<(String, Permissions)> {
    let name = input::line("role_name", &input.role_name)?;
    if Role::ALL.iter().any(|role| role.label().to_lowercase() == name.to_lowercase()) {
        return Err(Error::conflict(Some("role_name"), "This is the name of a role that is built in."));
    }
    let permissions = Permissions::from(input.permissions.clone());
    if !input.base_role.is_msp() && permissions.iter().any(Action::is_for_msp) {
        let detail = "Some of these are for the MSP's own people alone.";
        return Err(Problem::invalid("permissions", detail).into());
    }
    if !cx.me().permissions.include(&permissions) {
        return Err(
            Problem::invalid("permissions", "You can allow others only what you may do yourself.").into()
        );
    }
    Ok((name, permissions))
}

async fn views(cx: &Cx, rows: Vec<table::Model>) -> Result<Vec<CustomRoleView>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<CustomRoleId> = rows.iter().map(|row| row.id).collect();
    let counted: Vec<(CustomRoleId, i64)> = cx
        .select::<user::Entity>()
        .filter(user::Column::CustomRoleId.is_in(ids))
        .select_only()
        .column(user::Column::CustomRoleId)
        .column_as(user::Column::Id.count(), "users")
        .group_by(user::Column::CustomRoleId)
        .into_tuple()
        .all(cx.db())
        .await?;
    let counted: HashMap<_, _> = counted.into_iter().collect();
    rows.into_iter()
        .map(|row| {
            Ok(CustomRoleView {
                permissions: read_list(&row.permissions)?,
                users: counted.get(&row.id).copied().unwrap_or_default().unsigned_abs(),
                id: row.id,
                role_name: row.role_name,
                base_role: row.base_role,
                created_at: row.created_at,
            })
        })
        .collect()
}
