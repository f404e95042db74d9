//! The server functions of approval policies: each takes who is asking and calls one verb.

use super::form::PolicyForm;
use crate::{codec::Answer, error::PortalError};
use entity::{
    approval_policy::{ApprovalPolicyQuery, ApprovalPolicyRevision, ApprovalPolicyView},
    id::BusinessId,
    page::Page,
};
use leptos::prelude::*;

/// One page of the businesses within reach, each with what holds for it.
#[server(prefix = "/portal", endpoint = "approval_policy/list", output = Answer)]
pub async fn list_policies(
    #[server(default)] query: ApprovalPolicyQuery,
) -> Result<Page<ApprovalPolicyView>, PortalError> {
    Ok(domain::approval_policy::list(&crate::context::cx().await?, &query).await?)
}

/// What holds where a business has decided nothing.
#[server(prefix = "/portal", endpoint = "approval_policy/default", output = Answer)]
pub async fn get_default_policy() -> Result<ApprovalPolicyView, PortalError> {
    Ok(domain::approval_policy::get_default(&crate::context::cx().await?).await?)
}

/// What holds for a business.
#[server(prefix = "/portal", endpoint = "approval_policy/business", output = Answer)]
pub async fn get_business_policy(id: BusinessId) -> Result<ApprovalPolicyView, PortalError> {
    Ok(domain::approval_policy::get_business(&crate::context::cx().await?, id).await?)
}

/// What was written before, for all.
#[server(prefix = "/portal", endpoint = "approval_policy/default_revisions", output = Answer)]
pub async fn default_revisions() -> Result<Vec<ApprovalPolicyRevision>, PortalError> {
    Ok(domain::approval_policy::revisions_of_default(&crate::context::cx().await?).await?)
}

/// What was written before, for a business.
#[server(prefix = "/portal", endpoint = "approval_policy/business_revisions", output = Answer)]
pub async fn business_revisions(id: BusinessId) -> Result<Vec<ApprovalPolicyRevision>, PortalError> {
    Ok(domain::approval_policy::revisions_of_business(&crate::context::cx().await?, id).await?)
}

/// Decides for all.
#[server(prefix = "/portal", endpoint = "approval_policy/set_default", output = Answer)]
pub async fn set_default_policy(
    #[server(default)] form: PolicyForm,
) -> Result<ApprovalPolicyView, PortalError> {
    let cx = crate::context::cx().await?;
    let input = form.input().map_err(domain::Error::from)?;
    let view = domain::approval_policy::set_default(&cx.confirmed()?, input).await?;
    crate::context::done("Approval policy changed.");
    Ok(view)
}

/// Decides for a business.
#[server(prefix = "/portal", endpoint = "approval_policy/set_business", output = Answer)]
pub async fn set_business_policy(
    id: BusinessId,
    #[server(default)] form: PolicyForm,
) -> Result<ApprovalPolicyView, PortalError> {
    let cx = crate::context::cx().await?;
    let input = form.input().map_err(domain::Error::from)?;
    let view = domain::approval_policy::set_business(&cx.confirmed()?, id, input).await?;
    crate::context::done("Approval policy changed.");
    Ok(view)
}
