//! Making, listing and taking back registration tokens.

use super::command::with_commands;
use crate::{
    Cx, Error, Result,
    access::Target,
    audit::Record,
    business, secret, service_location,
    show_once::{self, Shown},
    store::keyset::{self, Order, holds, pattern},
};
use chrono::Duration;
use entity::{
    id::RegistrationTokenId,
    input,
    page::Page,
    policy::Action,
    problem::Problem,
    registration::{
        EXPIRES_IN_HOURS_DEFAULT, EXPIRES_IN_HOURS_MAX, IssuedRegistrationToken, RegistrationEvent,
        RegistrationState, RegistrationTokenInput, RegistrationTokenQuery, RegistrationTokenView,
        TOKEN_PREFIX,
    },
    table::{registration_token, user},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set,
    sea_query::{Expr, Func},
};
use std::collections::HashMap;

/// Makes a token. The secret is in the answer and nowhere else.
///
/// # Errors
/// Not found when the business is out of reach, forbidden by role; invalid names the field.
pub async fn issue(cx: &Cx, input: RegistrationTokenInput) -> Result<IssuedRegistrationToken> {
    let business = business::find(cx, input.business_id).await?;
    let permit =
        cx.permit(Action::RegisterDevice, Target::Location(input.business_id, input.service_location_id))?;
    service_location::check_belongs(cx, input.service_location_id, input.business_id).await?;
    let device_name = input::optional_line("device_name", &input.device_name)?;
    let hours = input.expires_in_hours.unwrap_or(EXPIRES_IN_HOURS_DEFAULT);
    if !(1..=EXPIRES_IN_HOURS_MAX).contains(&hours) {
        let detail = format!("Between 1 and {EXPIRES_IN_HOURS_MAX} hours.");
        return Err(Problem::invalid("expires_in_hours", detail).into());
    }
    let token = format!("{TOKEN_PREFIX}{}", secret::readable(3, 8)?);
    let id = RegistrationTokenId::generate();
    let now = cx.store().now();
    let expires_at = now + Duration::hours(i64::from(hours));
    let change = permit.begin().await?;
    registration_token::ActiveModel {
        id: Set(id),
        business_id: Set(input.business_id),
        service_location_id: Set(input.service_location_id),
        device_name: Set(device_name),
        token_hash: Set(secret::digest(&token)),
        state: Set(RegistrationState::Issued),
        created_by: Set(Some(cx.me().id)),
        created_at: Set(now),
        expires_at: Set(expires_at),
        device_id: Set(None),
    }
    .insert(&*change)
    .await?;
    let summary = format!("Made a registration token for {}", business.business_name);
    permit.commit(change, Record::new("registration_token.issue", summary).after(id)).await?;
    let issued = with_commands(cx.store().public_url(), cx.store().offered_packages(), id, token, expires_at);
    show_once::put(cx.store(), Shown::RegistrationToken, cx.me().id, id, &issued).await;
    Ok(issued)
}

/// One page of the tokens within reach, newest first.
///
/// # Errors
/// Forbidden by role; invalid names the field of the query.
pub async fn list(cx: &Cx, query: &RegistrationTokenQuery) -> Result<Page<RegistrationTokenView>> {
    check_role(cx)?;
    let mut select = cx.select::<registration_token::Entity>();
    if let Some(of) = query.business_id {
        select = select.filter(registration_token::Column::BusinessId.eq(of));
    }
    if let Some(state) = query.state {
        select = select.filter(registration_token::Column::State.eq(state));
    }
    if let Some(pattern) = pattern(query.search.as_deref())? {
        let name = keyset::column::<registration_token::Entity>(registration_token::Column::DeviceName);
        select = select.filter(holds(Expr::expr(Func::lower(name)), &pattern));
    }
    let order = Order::newest("registration_tokens.newest");
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: None })
}

/// One token, without its secret.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role.
pub async fn get(cx: &Cx, id: RegistrationTokenId) -> Result<RegistrationTokenView> {
    let row = find(cx, id).await?;
    check_role(cx)?;
    views(cx, vec![row]).await?.pop().ok_or_else(|| Error::not_found("registration token"))
}

/// Takes a token back.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role, conflict when it is not waiting any more.
pub async fn revoke(cx: &Cx, id: RegistrationTokenId) -> Result<RegistrationTokenView> {
    let row = find(cx, id).await?;
    let permit =
        cx.permit(Action::RegisterDevice, Target::Location(row.business_id, row.service_location_id))?;
    let refused = || Error::conflict(None, "This token is not waiting for a machine any more.");
    let next = row.state.on(RegistrationEvent::Revoke).ok_or_else(refused)?;
    let change = permit.begin().await?;
    let moved = registration_token::Entity::update_many()
        .col_expr(registration_token::Column::State, Expr::value(next))
        .filter(registration_token::Column::Id.eq(id))
        .filter(registration_token::Column::State.eq(row.state))
        .exec(&*change)
        .await?;
    if moved.rows_affected == 0 {
        return Err(refused());
    }
    let record = Record::new("registration_token.revoke", "Revoked a registration token").before(id);
    permit.commit(change, record).await?;
    get(cx, id).await
}

/// The secret of a token that the caller has just made; handed out once.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role.
pub async fn take_secret(cx: &Cx, id: RegistrationTokenId) -> Result<Option<IssuedRegistrationToken>> {
    find(cx, id).await?;
    check_role(cx)?;
    show_once::take(cx.store(), Shown::RegistrationToken, cx.me().id, id).await
}

fn check_role(cx: &Cx) -> Result<()> {
    cx.check(Action::RegisterDevice, "Your role does not add devices.")
}

async fn find(cx: &Cx, id: RegistrationTokenId) -> Result<registration_token::Model> {
    cx.select::<registration_token::Entity>()
        .filter(registration_token::Column::Id.eq(id))
        .one(cx.db())
        .await?
        .ok_or_else(|| Error::not_found("registration token"))
}

async fn views(cx: &Cx, rows: Vec<registration_token::Model>) -> Result<Vec<RegistrationTokenView>> {
    let businesses = business::names(cx, rows.iter().map(|row| row.business_id)).await?;
    let locations =
        service_location::names(cx, rows.iter().filter_map(|row| row.service_location_id)).await?;
    let by: Vec<_> = rows.iter().filter_map(|row| row.created_by).collect();
    let makers: HashMap<_, _> = if by.is_empty() {
        HashMap::new()
    } else {
        let found = cx.select::<user::Entity>().filter(user::Column::Id.is_in(by));
        found.all(cx.db()).await?.into_iter().map(|row| (row.id, row.full_name)).collect()
    };
    Ok(rows
        .into_iter()
        .map(|row| RegistrationTokenView {
            business_name: businesses.get(&row.business_id).cloned().unwrap_or_default(),
            location_name: row.service_location_id.and_then(|id| locations.get(&id).cloned()),
            created_by: row.created_by.and_then(|id| makers.get(&id).cloned()),
            id: row.id,
            business_id: row.business_id,
            service_location_id: row.service_location_id,
            device_name: row.device_name,
            state: row.state,
            created_at: row.created_at,
            expires_at: row.expires_at,
            device_id: row.device_id,
        })
        .collect())
}
