//! Inviting people, changing what they may do, and shutting them out.

use super::{
    find, get,
    grant::{Grants, grant, grants_of},
    link::{InvitedBy, end_links, issue_link},
};
use crate::{
    Confirmed, Error, Result,
    access::{
        Authority, Permit, Target, custom_role, end_sessions, held_by, reach_of, read_list, write_permissions,
    },
    audit::Record,
    error::on_duplicate,
    store::Reach,
};
use entity::{
    id::UserId,
    input,
    policy::{Action, Permissions, held},
    problem::Problem,
    table::user,
    user::{LinkKind, Role, UserInput, UserKind, UserView, UserWithLink},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set, sea_query::Expr,
};

/// What a password hash says of somebody who has no password yet; no password matches it.
pub(crate) const NO_PASSWORD: &str = "";

/// Invites a person: adds them without a password, with a link to choose one.
///
/// # Errors
/// Forbidden by role, or when they would be allowed more than who invites them; invalid or conflict names the field.
pub async fn add(cx: &Confirmed<'_>, input: UserInput) -> Result<UserWithLink> {
    // A customer's own people invite for their business without having to say so.
    let input = UserInput { business_id: input.business_id.or(cx.me().business_id), ..input };
    let permit = cx.permit(Action::ManageUser, Target::of(input.business_id))?;
    let turn = Authority::of(cx).await?;
    let filled = fill(cx, &input).await?;
    let id = UserId::generate();
    let change = permit.begin().await?;
    user::ActiveModel {
        id: Set(id),
        business_id: Set(input.business_id),
        kind: Set(UserKind::Person),
        email: Set(filled.email),
        full_name: Set(filled.full_name.clone()),
        name_key: Set(input::fold(&filled.full_name)),
        role: Set(input.role),
        custom_role_id: Set(input.custom_role_id),
        extra_permissions: Set(write_permissions(&filled.extra)),
        password_hash: Set(NO_PASSWORD.to_owned()),
        must_change_password: Set(false),
        is_active: Set(true),
        last_sign_in_at: Set(None),
        created_at: Set(cx.store().now()),
    }
    .insert(&*change)
    .await
    .map_err(on_duplicate("email", "Somebody signs in with this address already."))?;
    grant(&change, id, &filled.grants).await?;
    let issued =
        issue_link(cx.store(), &change, id, LinkKind::Invitation, InvitedBy::User(cx.me().id)).await?;
    let summary = format!("Invited {} as {}", filled.full_name, input.role.label());
    permit.commit(change, Record::new("user.add", summary).after(&input)).await?;
    drop(turn);
    let user = get(cx, id).await?;
    let link = issued.hand_over(cx.store(), Some(cx.me().id), &user.email, &user.full_name).await;
    Ok(UserWithLink { user, link })
}

/// Changes what somebody is called, is, reaches and may do. Their sessions go on with what is left to them.
///
/// # Errors
/// Not found when out of reach; forbidden by role, for oneself, or when it would allow more than who changes it has;
/// invalid or conflict names the field.
pub async fn change(cx: &Confirmed<'_>, id: UserId, input: UserInput) -> Result<UserView> {
    let _turn = Authority::of(cx).await?;
    let (row, permit) = permit_other(cx, id).await?;
    if input.business_id.or(cx.me().business_id) != row.business_id {
        let detail = "People stay with their business; invite them to the other one instead.";
        return Err(Problem::invalid("business_id", detail).into());
    }
    let input = UserInput { business_id: row.business_id, ..input };
    let before = get(cx, id).await?;
    // What who changes it cannot see is not theirs to take away, least of all a denial.
    let (seen, unseen) = grants_of(cx, id).await?;
    let filled = fill_beside(cx, &input, &unseen).await?;
    let change = permit.begin().await?;
    user::Entity::update_many()
        .col_expr(user::Column::Email, Expr::value(filled.email.as_str()))
        .col_expr(user::Column::FullName, Expr::value(filled.full_name.as_str()))
        .col_expr(user::Column::NameKey, Expr::value(input::fold(&filled.full_name)))
        .col_expr(user::Column::Role, Expr::value(input.role))
        .col_expr(user::Column::CustomRoleId, Expr::value(input.custom_role_id))
        .col_expr(user::Column::ExtraPermissions, Expr::value(write_permissions(&filled.extra)))
        .filter(user::Column::Id.eq(id))
        .exec(&*change)
        .await
        .map_err(on_duplicate("email", "Somebody signs in with this address already."))?;
    seen.remove(&change).await?;
    grant(&change, id, &filled.grants).await?;
    if filled.email != row.email {
        // A link on its way to the former address must not let anybody in.
        end_links(cx.store(), &change, id).await?;
    }
    let record = Record::new("user.change", format!("Changed what {} is and may do", filled.full_name));
    permit.commit(change, record.before(&before).after(&input)).await?;
    get(cx, id).await
}

/// Gives somebody a link to choose another password, or their first one. The password they have goes on working until
/// it is used.
///
/// # Errors
/// Not found when out of reach, forbidden by role or for oneself.
pub async fn send_reset_link(cx: &Confirmed<'_>, id: UserId) -> Result<UserWithLink> {
    let turn = Authority::of(cx).await?;
    let (row, permit) = permit_other(cx, id).await?;
    if row.kind != UserKind::Person {
        return Err(Error::conflict(None, "A service account has no password."));
    }
    let kind = if row.password_hash == NO_PASSWORD { LinkKind::Invitation } else { LinkKind::Reset };
    let change = permit.begin().await?;
    let issued = issue_link(cx.store(), &change, id, kind, InvitedBy::User(cx.me().id)).await?;
    let (action, summary) = match kind {
        LinkKind::Invitation => ("user.invite", format!("Invited {} again", row.full_name)),
        LinkKind::Reset => {
            ("user.reset_link", format!("Made a link for {} to choose another password", row.full_name))
        }
    };
    permit.commit(change, Record::new(action, summary)).await?;
    drop(turn);
    let user = get(cx, id).await?;
    let link = issued.hand_over(cx.store(), Some(cx.me().id), &user.email, &user.full_name).await;
    Ok(UserWithLink { user, link })
}

/// Lets a person in again, or shuts them out and ends their sessions.
///
/// # Errors
/// Not found when out of reach, forbidden by role or for oneself.
pub async fn set_active(cx: &Confirmed<'_>, id: UserId, is_active: bool) -> Result<UserView> {
    let _turn = Authority::of(cx).await?;
    let (row, permit) = permit_other(cx, id).await?;
    let change = permit.begin().await?;
    user::Entity::update_many()
        .col_expr(user::Column::IsActive, Expr::value(is_active))
        .filter(user::Column::Id.eq(id))
        .exec(&*change)
        .await?;
    if !is_active {
        end_sessions(cx.store(), &change, id, None).await?;
    }
    let (action, word) =
        if is_active { ("user.activate", "Let in") } else { ("user.deactivate", "Shut out") };
    let record = Record::new(action, format!("{word} {}", row.full_name));
    permit.commit(change, record.before(row.is_active).after(is_active)).await?;
    get(cx, id).await
}

/// A permit on somebody else, who may not be allowed more than who asks.
pub(crate) async fn permit_other<'a>(cx: &'a Confirmed<'_>, id: UserId) -> Result<(user::Model, Permit<'a>)> {
    let row = find(cx, id).await?;
    let permit = cx.permit(Action::ManageUser, Target::of(row.business_id))?;
    if id == cx.me().id {
        return Err(Error::forbidden("Use your own account page for yourself."));
    }
    check_not_above(cx, &row).await?;
    Ok((row, permit))
}

/// Somebody who may do more, or reaches more, is for those who may do as much.
pub(crate) async fn check_not_above(cx: &Confirmed<'_>, row: &user::Model) -> Result<()> {
    let (_, theirs) = held_by(cx.store(), row).await?;
    if !cx.me().permissions.include(&theirs) || !reach_of(cx.store(), row).await?.is_within(cx.reach()) {
        return Err(Error::forbidden(
            "They may do more than you; somebody who may do as much has to do this.",
        ));
    }
    Ok(())
}

/// What a form asks for, checked.
pub(crate) struct Filled {
    pub(crate) email: String,
    pub(crate) full_name: String,
    pub(crate) extra: Permissions,
    pub(crate) grants: Grants,
}

/// Checks what is asked for against what there is and what who asks may hand on.
pub(crate) async fn fill(cx: &Confirmed<'_>, input: &UserInput) -> Result<Filled> {
    fill_beside(cx, input, &Grants::default()).await
}

/// The same for somebody who has grants that stay as they are.
async fn fill_beside(cx: &Confirmed<'_>, input: &UserInput, kept: &Grants) -> Result<Filled> {
    let email = input::email("email", &input.email)?;
    let full_name = input::line("full_name", &input.full_name)?;
    check_place(cx, input).await?;
    let extra = Permissions::from(input.extra_permissions.clone());
    if !input.role.is_msp() && extra.iter().any(Action::is_for_msp) {
        let detail = "Some of these are for the MSP's own people alone.";
        return Err(Problem::invalid("extra_permissions", detail).into());
    }
    let custom = match input.custom_role_id {
        None => None,
        Some(id) => {
            let wrong =
                || Problem::invalid("custom_role_id", "Choose a role that is made for this kind of person.");
            let row = custom_role(cx.store(), id).await?.ok_or_else(wrong)?;
            if row.base_role != input.role {
                return Err(wrong().into());
            }
            Some(read_list::<Permissions>(&row.permissions)?)
        }
    };
    // Nobody hands on what they do not have.
    if !cx.me().permissions.include(&held(input.role, custom.as_ref(), &extra)) {
        let field = if extra.is_empty() { "role" } else { "extra_permissions" };
        return Err(Problem::invalid(field, "You can allow others only what you may do yourself.").into());
    }
    let grants = Grants::asked_for(cx, input).await?;
    let reach = match (input.role, input.business_id) {
        (Role::MspAdmin | Role::Auditor, _) => Reach::everything(),
        (Role::Technician, _) => grants.reach_with(kept),
        (Role::BusinessOwner | Role::Contact, Some(business)) => Reach::of(business),
        (Role::BusinessOwner | Role::Contact, None) => Reach::nothing(),
    };
    if !reach.is_within(cx.reach()) {
        let field = if input.role == Role::Technician { "granted" } else { "role" };
        return Err(Problem::invalid(field, "You can let others reach only what you reach yourself.").into());
    }
    Ok(Filled { email, full_name, extra, grants })
}

/// A customer's person needs a business, the MSP's own must not have one; only technicians have grants.
async fn check_place(cx: &Confirmed<'_>, input: &UserInput) -> Result<()> {
    match (input.role.is_msp(), input.business_id) {
        (true, Some(_)) => {
            return Err(Problem::invalid("business_id", "The MSP's own people belong to no business.").into());
        }
        (false, None) => return Err(Problem::invalid("business_id", "Choose whose person this is.").into()),
        (false, Some(business)) => drop(crate::business::find(cx, business).await?),
        (true, None) => {}
    }
    let has_grants = input.every_business
        || !input.granted.is_empty()
        || !input.granted_locations.is_empty()
        || !input.denied.is_empty()
        || !input.denied_locations.is_empty();
    if has_grants && input.role != Role::Technician {
        return Err(Problem::invalid("granted", "Only technicians are granted businesses.").into());
    }
    Ok(())
}
