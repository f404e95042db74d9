//! What has to be approved, over REST.

use super::{ApiResult, Asked, Id, Input};
use crate::authenticate::{Caller, Confirmed};
use axum::Json;
use entity::{
    approval_policy::{ApprovalPolicyInput, ApprovalPolicyQuery, ApprovalPolicyRevision, ApprovalPolicyView},
    id::BusinessId,
    page::Page,
};

/// `GET /approval-policies`
pub(crate) async fn list(
    caller: Caller,
    Asked(query): Asked<ApprovalPolicyQuery>,
) -> ApiResult<Page<ApprovalPolicyView>> {
    Ok(Json(domain::approval_policy::list(&caller.cx, &query).await?))
}

/// `GET /approval-policies/default`
pub(crate) async fn get_default(caller: Caller) -> ApiResult<ApprovalPolicyView> {
    Ok(Json(domain::approval_policy::get_default(&caller.cx).await?))
}

/// `PUT /approval-policies/default`
pub(crate) async fn set_default(
    caller: Confirmed,
    Input(input): Input<ApprovalPolicyInput>,
) -> ApiResult<ApprovalPolicyView> {
    Ok(Json(domain::approval_policy::set_default(&caller.cx.confirmed()?, input).await?))
}

/// `GET /approval-policies/default/revisions`
pub(crate) async fn revisions_of_default(caller: Caller) -> ApiResult<Vec<ApprovalPolicyRevision>> {
    Ok(Json(domain::approval_policy::revisions_of_default(&caller.cx).await?))
}

/// `GET /businesses/{id}/approval-policy`
pub(crate) async fn get_business(caller: Caller, Id(id): Id<BusinessId>) -> ApiResult<ApprovalPolicyView> {
    Ok(Json(domain::approval_policy::get_business(&caller.cx, id).await?))
}

/// `PUT /businesses/{id}/approval-policy`
pub(crate) async fn set_business(
    caller: Confirmed,
    Id(id): Id<BusinessId>,
    Input(input): Input<ApprovalPolicyInput>,
) -> ApiResult<ApprovalPolicyView> {
    Ok(Json(domain::approval_policy::set_business(&caller.cx.confirmed()?, id, input).await?))
}

/// `GET /businesses/{id}/approval-policy/revisions`
pub(crate) async fn revisions_of_business(
    caller: Caller,
    Id(id): Id<BusinessId>,
) -> ApiResult<Vec<ApprovalPolicyRevision>> {
    Ok(Json(domain::approval_policy::revisions_of_business(&caller.cx, id).await?))
}
