//! Registration tokens over REST, and the one call that uses one.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input};
use crate::authenticate::{Caller, Visit};
use axum::{Json, extract::State};
use domain::Store;
use entity::{
    id::RegistrationTokenId,
    page::Page,
    registration::{
        IssuedRegistrationToken, RegisterAnswer, RegisterRequest, RegistrationTokenInput,
        RegistrationTokenQuery, RegistrationTokenView,
    },
};

/// `GET /agents/registration-tokens`
pub(crate) async fn list(
    caller: Caller,
    Asked(query): Asked<RegistrationTokenQuery>,
) -> ApiResult<Page<RegistrationTokenView>> {
    Ok(Json(domain::registration::list(&caller.cx, &query).await?))
}

/// `POST /agents/registration-tokens`
pub(crate) async fn issue(
    caller: Caller,
    Input(input): Input<RegistrationTokenInput>,
) -> Result<Created<IssuedRegistrationToken>, ApiProblem> {
    Ok(Created(domain::registration::issue(&caller.cx, input).await?))
}

/// `DELETE /agents/registration-tokens/{id}`
pub(crate) async fn revoke(
    caller: Caller,
    Id(id): Id<RegistrationTokenId>,
) -> ApiResult<RegistrationTokenView> {
    Ok(Json(domain::registration::revoke(&caller.cx, id).await?))
}

/// `POST /agents/register`: the token in the body is the credential.
pub(crate) async fn register(
    State(store): State<Store>,
    Visit(visitor): Visit,
    Input(request): Input<RegisterRequest>,
) -> Result<Created<RegisterAnswer>, ApiProblem> {
    Ok(Created(domain::registration::register(&store, &visitor, request).await?))
}
