//! Making, listing and taking back registration tokens.

use crate::{Cx, Error, Result, access::Target, audit::Record, business, secret, service_location};
use chrono::{DateTime, Duration, Utc};
use entity::{
    id::RegistrationTokenId,
    input,
    policy::Action,
    problem::Problem,
    registration::{
        EXPIRES_IN_HOURS_DEFAULT, EXPIRES_IN_HOURS_MAX, IssuedRegistrationToken, RegistrationEvent,
        RegistrationState, RegistrationTokenInput, RegistrationTokenView, TOKEN_PREFIX,
    },
    table::{registration_token, service_location as location_table, user},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set, sea_query::Expr,
};
use std::collections::HashMap;

/// Tokens listed at most; older ones are history.
const LISTED_MAX: u64 = 200;

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
    let issued = with_commands(cx.store().public_url(), id, token, expires_at);
    cx.store().tokens_to_show().put(now, cx.me().id, id, issued.clone());
    Ok(issued)
}

/// The lines that people copy.
pub(crate) fn with_commands(
    public_url: &str,
    id: RegistrationTokenId,
    token: String,
    expires_at: DateTime<Utc>,
) -> IssuedRegistrationToken {
    // In the environment, not among the arguments: everybody on a machine can list those.
    let unix = format!(
        "curl -fsSL {public_url}/install.sh | REEVE_TOKEN={token} sudo --preserve-env=REEVE_TOKEN sh"
    );
    let windows = format!("$env:REEVE_TOKEN='{token}'; irm {public_url}/install.ps1 | iex");
    IssuedRegistrationToken {
        id,
        token,
        expires_at,
        install_command_linux: unix.clone(),
        install_command_macos: unix,
        install_command_windows: windows,
    }
}

/// Tokens within reach, newest first.
///
/// # Errors
/// Forbidden by role.
pub async fn list(cx: &Cx) -> Result<Vec<RegistrationTokenView>> {
    check_role(cx)?;
    let rows = cx
        .select::<registration_token::Entity>()
        .order_by_desc(registration_token::Column::CreatedAt)
        .limit(LISTED_MAX)
        .all(cx.db())
        .await?;
    views(cx, rows).await
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
    Ok(cx.store().tokens_to_show().take(cx.store().now(), cx.me().id, &id))
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
    let businesses = crate::business::names(cx).await?;
    let locations: HashMap<_, _> = cx
        .select::<location_table::Entity>()
        .all(cx.db())
        .await?
        .into_iter()
        .map(|row| (row.id, row.location_name))
        .collect();
    let makers: HashMap<_, _> = cx
        .select::<user::Entity>()
        .filter(user::Column::Id.is_in(rows.iter().filter_map(|row| row.created_by)))
        .all(cx.db())
        .await?
        .into_iter()
        .map(|row| (row.id, row.full_name))
        .collect();
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
