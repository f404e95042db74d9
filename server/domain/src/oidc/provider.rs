//! The providers that people can sign in with, and who has to have a second factor. A provider lets people in with all
//! that they may do, so it is managed by those alone who may do as much.

use super::{address::is_acceptable, directory::discover, exchange::redirect_url};
use crate::{
    Confirmed, Cx, Error, Result, Store,
    access::{Permit, Target, factor_policy},
    audit::Record,
    bus::Hint,
    store::{
        Reach,
        keyset::{self, Order, holds, pattern},
    },
};
use entity::{
    id::{BusinessId, OidcProviderId},
    input,
    oidc::{OidcProviderInput, OidcProviderQuery, OidcProviderView, OidcSettings, SignInPolicy},
    page::Page,
    policy::{Action, Permissions},
    problem::{Problem, ProblemCode},
    table::{oidc_provider, user_identity},
};
use openidconnect::url::Url;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QuerySelect as _,
    sea_query::{Expr, Func},
};
use std::collections::HashMap;

/// Providers that the MSP, or one business, may have.
const PROVIDERS_MAX: u64 = 20;
/// Longest issuer, in bytes.
const ISSUER_MAX: usize = 300;
/// Longest client secret, in bytes.
const SECRET_MAX: usize = 1_000;

/// One page of the providers within reach, by name.
///
/// # Errors
/// Forbidden by role; invalid names the field of the query.
pub async fn list(cx: &Cx, query: &OidcProviderQuery) -> Result<Page<OidcProviderView>> {
    check_view(cx)?;
    let name = || keyset::column::<oidc_provider::Entity>(oidc_provider::Column::ProviderName);
    let mut select = cx.select::<oidc_provider::Entity>();
    if let Some(of) = query.business_id {
        select = select.filter(oidc_provider::Column::BusinessId.eq(of));
    }
    if let Some(pattern) = pattern(query.search.as_deref())? {
        select = select.filter(holds(Expr::expr(Func::lower(name())), &pattern));
    }
    let total = keyset::total(cx.db(), select.clone()).await?;
    let order = Order::text("oidc_providers.name", name(), false);
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    let names = crate::business::names(cx, slice.rows.iter().filter_map(|row| row.business_id)).await?;
    if slice.rows.is_empty() {
        return Ok(Page { items: Vec::new(), next_cursor: None, total: Some(total) });
    }
    let people = people(cx.store(), slice.rows.iter().map(|row| row.id)).await?;
    let items = slice.rows.into_iter().map(|row| {
        let name = row.business_id.and_then(|id| names.get(&id).cloned());
        let people = people.get(&row.id).copied().unwrap_or_default();
        view(cx.store(), row, name, people)
    });
    Ok(Page { items: items.collect(), next_cursor: slice.next_cursor, total: Some(total) })
}

/// One page of the providers within reach, and what one has to know to add one.
///
/// # Errors
/// Forbidden by role; invalid names the field of the query.
pub async fn settings(cx: &Cx, query: &OidcProviderQuery) -> Result<OidcSettings> {
    Ok(OidcSettings { providers: list(cx, query).await?, redirect_url: redirect_url(cx.store()) })
}

/// One provider.
///
/// # Errors
/// Forbidden by role, not found when it is out of reach.
pub async fn get(cx: &Cx, id: OidcProviderId) -> Result<OidcProviderView> {
    let row = find(cx, id).await?;
    let name = match row.business_id {
        Some(id) => Some(crate::business::find(cx, id).await?.business_name),
        None => None,
    };
    let people = people(cx.store(), [id]).await?.remove(&id).unwrap_or_default();
    Ok(view(cx.store(), row, name, people))
}

/// Who has to have a second factor.
///
/// # Errors
/// Forbidden by role.
pub async fn sign_in_policy(cx: &Cx) -> Result<SignInPolicy> {
    check_view(cx)?;
    Ok(SignInPolicy { factor_policy: factor_policy(cx.store()).await? })
}

/// Adds a provider, once its issuer has answered.
///
/// # Errors
/// Forbidden by role, not found when the business is out of reach; invalid or conflict names the field.
pub async fn add(cx: &Confirmed<'_>, input: OidcProviderInput) -> Result<OidcProviderView> {
    let permit = permit(cx, input.business_id)?;
    let filled = fill(&input)?;
    let there = match input.business_id {
        Some(id) => oidc_provider::Column::BusinessId.eq(id),
        None => oidc_provider::Column::BusinessId.is_null(),
    };
    if cx.select::<oidc_provider::Entity>().filter(there).count(cx.db()).await? >= PROVIDERS_MAX {
        return Err(Error::conflict(None, format!("There are {PROVIDERS_MAX} already; remove one first.")));
    }
    let id = OidcProviderId::generate();
    let row = oidc_provider::Model {
        id,
        business_id: input.business_id,
        provider_name: filled.provider_name,
        issuer: answering_issuer(cx.store(), &filled.issuer).await?,
        client_id: filled.client_id,
        client_secret_sealed: seal(cx.store(), id, filled.client_secret)?,
        asks_for_factor: input.asks_for_factor,
        is_active: input.is_active,
        created_at: cx.store().now(),
    };
    let summary = format!("Added the sign-in provider {}", row.provider_name);
    let change = permit.begin().await?;
    oidc_provider::Entity::insert(oidc_provider::ActiveModel::from(row.clone()))
        .exec_without_returning(&*change)
        .await?;
    let record = Record::new("oidc_provider.add", summary).after(logged(&row));
    permit.commit(change, record).await?;
    get(cx, id).await
}

/// Changes a provider. One that is on has to answer. Another issuer has subjects of its own: those whom the former one
/// vouched for are found by their address again.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role; invalid names the field.
pub async fn change(
    cx: &Confirmed<'_>,
    id: OidcProviderId,
    input: OidcProviderInput,
) -> Result<OidcProviderView> {
    let before = find(cx, id).await?;
    let permit = permit(cx, before.business_id)?;
    if input.business_id.is_some() && input.business_id != before.business_id {
        let detail = "A provider stays with whose people it signs in; add another one instead.";
        return Err(Problem::invalid("business_id", detail).into());
    }
    let filled = fill(&input)?;
    let issuer = if input.is_active || filled.issuer != before.issuer {
        answering_issuer(cx.store(), &filled.issuer).await?
    } else {
        filled.issuer
    };
    let is_moved = issuer != before.issuer;
    if is_moved && before.client_secret_sealed.is_some() && filled.client_secret.is_empty() {
        let detail =
            "Write the secret for the new issuer: the one that is stored goes to the former one alone.";
        return Err(Problem::invalid("client_secret", detail).into());
    }
    let sealed = seal(cx.store(), id, filled.client_secret)?;
    let is_new_secret = sealed.is_some();
    let after = oidc_provider::Model {
        provider_name: filled.provider_name,
        issuer,
        client_id: filled.client_id,
        client_secret_sealed: sealed.or_else(|| before.client_secret_sealed.clone()),
        asks_for_factor: input.asks_for_factor,
        is_active: input.is_active,
        ..before.clone()
    };
    let change = permit.begin().await?;
    oidc_provider::Entity::update_many()
        .col_expr(oidc_provider::Column::ProviderName, Expr::value(after.provider_name.as_str()))
        .col_expr(oidc_provider::Column::Issuer, Expr::value(after.issuer.as_str()))
        .col_expr(oidc_provider::Column::ClientId, Expr::value(after.client_id.as_str()))
        .col_expr(oidc_provider::Column::ClientSecretSealed, Expr::value(after.client_secret_sealed.clone()))
        .col_expr(oidc_provider::Column::AsksForFactor, Expr::value(after.asks_for_factor))
        .col_expr(oidc_provider::Column::IsActive, Expr::value(after.is_active))
        .filter(oidc_provider::Column::Id.eq(id))
        .exec(&*change)
        .await?;
    if is_moved {
        forget_people(&change, id).await?;
    }
    let secret = if is_new_secret { ", with another secret" } else { "" };
    let summary = format!("Changed the sign-in provider {}{secret}", after.provider_name);
    let record = Record::new("oidc_provider.change", summary).before(logged(&before)).after(logged(&after));
    permit.commit(change, record).await?;
    cx.store().directory().forget(id);
    cx.store().tell(Hint::ProviderChanged { provider: id });
    get(cx, id).await
}

/// Removes a provider, and answers what it was. Sessions that began with it go on.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role.
pub async fn remove(cx: &Confirmed<'_>, id: OidcProviderId) -> Result<OidcProviderView> {
    let before = find(cx, id).await?;
    let permit = permit(cx, before.business_id)?;
    let removed = get(cx, id).await?;
    let change = permit.begin().await?;
    forget_people(&change, id).await?;
    oidc_provider::Entity::delete_by_id(id).exec(&*change).await?;
    let summary = format!("Removed the sign-in provider {}", before.provider_name);
    permit.commit(change, Record::new("oidc_provider.remove", summary).before(logged(&before))).await?;
    cx.store().directory().forget(id);
    cx.store().tell(Hint::ProviderChanged { provider: id });
    Ok(removed)
}

fn check_view(cx: &Cx) -> Result<()> {
    cx.check(Action::ManageSignIn, "Your role does not manage how people sign in.")
}

/// A permit on the providers of the MSP or of a business. Whoever runs a provider can be everybody whom it signs in,
/// so nobody gets one for people who may do more than they do, or reach more.
fn permit<'a>(cx: &'a Confirmed<'_>, business: Option<BusinessId>) -> Result<Permit<'a>> {
    let permit = cx.permit(Action::ManageSignIn, Target::of(business))?;
    let theirs = Action::ALL.iter().copied().filter(|action| business.is_none() || !action.is_for_msp());
    let theirs = Permissions::from(theirs.collect::<Vec<_>>());
    let whole = business.map_or_else(Reach::everything, Reach::of);
    let reaches = whole.is_within(cx.reach());
    if reaches && cx.me().permissions.include(&theirs) {
        Ok(permit)
    } else {
        Err(Error::forbidden(
            "It lets people in who may do more than you; somebody who may do as much has to do this.",
        ))
    }
}

async fn find(cx: &Cx, id: OidcProviderId) -> Result<oidc_provider::Model> {
    check_view(cx)?;
    cx.select::<oidc_provider::Entity>()
        .filter(oidc_provider::Column::Id.eq(id))
        .one(cx.db())
        .await?
        .ok_or_else(|| Error::not_found("sign-in provider"))
}

/// How many people each of these providers has signed in.
async fn people(
    store: &Store,
    ids: impl IntoIterator<Item = OidcProviderId>,
) -> Result<HashMap<OidcProviderId, u64>> {
    let counted: Vec<(OidcProviderId, i64)> = user_identity::Entity::find()
        .filter(user_identity::Column::ProviderId.is_in(ids))
        .select_only()
        .column(user_identity::Column::ProviderId)
        .column_as(user_identity::Column::UserId.count(), "people")
        .group_by(user_identity::Column::ProviderId)
        .into_tuple()
        .all(store.db())
        .await?;
    Ok(counted.into_iter().map(|(id, people)| (id, people.unsigned_abs())).collect())
}

fn view(
    store: &Store,
    row: oidc_provider::Model,
    business_name: Option<String>,
    people: u64,
) -> OidcProviderView {
    OidcProviderView {
        people,
        business_name,
        has_client_secret: row.client_secret_sealed.is_some(),
        redirect_url: redirect_url(store),
        sign_in_url: match row.business_id {
            Some(_) => format!("{}/sign-in?provider={}", store.public_url(), row.id),
            None => format!("{}/sign-in", store.public_url()),
        },
        id: row.id,
        business_id: row.business_id,
        provider_name: row.provider_name,
        issuer: row.issuer,
        client_id: row.client_id,
        asks_for_factor: row.asks_for_factor,
        is_active: row.is_active,
        created_at: row.created_at,
    }
}

/// What the audit log says of a provider: all but the secret.
fn logged(row: &oidc_provider::Model) -> serde_json::Value {
    serde_json::json!({
        "id": row.id,
        "business_id": row.business_id,
        "provider_name": row.provider_name,
        "issuer": row.issuer,
        "client_id": row.client_id,
        "has_client_secret": row.client_secret_sealed.is_some(),
        "asks_for_factor": row.asks_for_factor,
        "is_active": row.is_active,
    })
}

async fn forget_people(change: &crate::store::Change, id: OidcProviderId) -> Result<()> {
    user_identity::Entity::delete_many()
        .filter(user_identity::Column::ProviderId.eq(id))
        .exec(&**change)
        .await?;
    Ok(())
}

/// What a form asks for, checked.
struct Filled<'a> {
    provider_name: String,
    issuer: String,
    client_id: String,
    client_secret: &'a str,
}

fn fill(input: &OidcProviderInput) -> Result<Filled<'_>> {
    let provider_name = input::line("provider_name", &input.provider_name)?;
    let issuer = input.issuer.trim().to_owned();
    if issuer.is_empty() {
        return Err(Problem::invalid("issuer", "This is required.").into());
    }
    let is_plain = issuer.len() <= ISSUER_MAX
        && Url::parse(&issuer).is_ok_and(|url| url.query().is_none() && url.fragment().is_none());
    if !is_plain || !is_acceptable(&issuer) {
        let detail =
            "Write the address that the provider calls its issuer, such as https://login.example.com.";
        return Err(Problem::invalid("issuer", detail).into());
    }
    let client_id = input::line("client_id", &input.client_id)?;
    let client_secret = input.client_secret.trim();
    if client_secret.len() > SECRET_MAX || client_secret.chars().any(char::is_control) {
        return Err(Problem::invalid("client_secret", "This is no secret that a provider hands out.").into());
    }
    Ok(Filled { provider_name, issuer, client_id, client_secret })
}

/// The issuer as the provider itself writes it: with or without a slash at the end, which people leave out.
async fn answering_issuer(store: &Store, typed: &str) -> Result<String> {
    let problem = match discover(store, typed).await {
        Ok(metadata) => return Ok(metadata.issuer().to_string()),
        // Written well, and yet nobody there answers as the issuer.
        Err(detail) => {
            Problem { field: Some("issuer".to_owned()), ..Problem::new(ProblemCode::Conflict, detail) }
        }
    };
    let other = typed.strip_suffix('/').map_or_else(|| format!("{typed}/"), str::to_owned);
    match discover(store, &other).await {
        Ok(metadata) => Ok(metadata.issuer().to_string()),
        Err(_) => Err(problem.into()),
    }
}

fn seal(store: &Store, id: OidcProviderId, secret: &str) -> Result<Option<String>> {
    if secret.is_empty() {
        return Ok(None);
    }
    store.seal().close(&format!("oidc {id}"), secret.as_bytes()).map(Some)
}
