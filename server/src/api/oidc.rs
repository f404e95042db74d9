//! Sign-in providers, and who has to have a second factor, over REST.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input};
use crate::authenticate::{Caller, Confirmed};
use axum::Json;
use entity::{
    id::OidcProviderId,
    oidc::{OidcProviderInput, OidcProviderQuery, OidcProviderView, SignInPolicy},
    page::Page,
};

/// `GET /oidc-providers`
pub(crate) async fn list(
    caller: Caller,
    Asked(query): Asked<OidcProviderQuery>,
) -> ApiResult<Page<OidcProviderView>> {
    Ok(Json(domain::oidc::list(&caller.cx, &query).await?))
}

/// `POST /oidc-providers`
pub(crate) async fn add(
    caller: Confirmed,
    Input(input): Input<OidcProviderInput>,
) -> Result<Created<OidcProviderView>, ApiProblem> {
    Ok(Created(domain::oidc::add(&caller.cx.confirmed()?, input).await?))
}

/// `GET /oidc-providers/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<OidcProviderId>) -> ApiResult<OidcProviderView> {
    Ok(Json(domain::oidc::get(&caller.cx, id).await?))
}

/// `PUT /oidc-providers/{id}`
pub(crate) async fn change(
    caller: Confirmed,
    Id(id): Id<OidcProviderId>,
    Input(input): Input<OidcProviderInput>,
) -> ApiResult<OidcProviderView> {
    Ok(Json(domain::oidc::change(&caller.cx.confirmed()?, id, input).await?))
}

/// `DELETE /oidc-providers/{id}`: answers what it was.
pub(crate) async fn remove(caller: Confirmed, Id(id): Id<OidcProviderId>) -> ApiResult<OidcProviderView> {
    Ok(Json(domain::oidc::remove(&caller.cx.confirmed()?, id).await?))
}

/// `GET /sign-in-policy`
pub(crate) async fn policy(caller: Caller) -> ApiResult<SignInPolicy> {
    Ok(Json(domain::oidc::sign_in_policy(&caller.cx).await?))
}

/// `PUT /sign-in-policy`
pub(crate) async fn set_policy(
    caller: Confirmed,
    Input(input): Input<SignInPolicy>,
) -> ApiResult<SignInPolicy> {
    domain::access::set_factor_policy(&caller.cx.confirmed()?, input.factor_policy).await?;
    policy(caller.into()).await
}
