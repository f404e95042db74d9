//! The server functions of approvals: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    approval::{BreakGlassInput, DecisionInput, DecisionQuery, DecisionView, ReviewInput},
    command::ApprovalDecision,
    id::CommandRequestId,
    page::Page,
};
use leptos::prelude::*;

/// One page of the requests that people decide.
#[server(prefix = "/portal", endpoint = "approval/list", output = Answer)]
pub async fn list_decisions(
    #[server(default)] query: DecisionQuery,
) -> Result<Page<DecisionView>, PortalError> {
    Ok(domain::approval::list(&crate::context::cx().await?, &query).await?)
}

/// One of them.
#[server(prefix = "/portal", endpoint = "approval/get", output = Answer)]
pub async fn get_decision(id: CommandRequestId) -> Result<DecisionView, PortalError> {
    Ok(domain::approval::get(&crate::context::cx().await?, id).await?)
}

/// How many wait for whoever asks.
#[server(prefix = "/portal", endpoint = "approval/waiting", output = Answer)]
pub async fn count_waiting() -> Result<u64, PortalError> {
    Ok(domain::approval::waiting_count(&crate::context::cx().await?).await?)
}

/// Says yes or no to exactly what was read, or takes a yes back.
#[server(prefix = "/portal", endpoint = "approval/decide", output = Answer)]
pub async fn decide(
    id: CommandRequestId,
    decision: ApprovalDecision,
    #[server(default)] input: DecisionInput,
) -> Result<DecisionView, PortalError> {
    let cx = crate::context::cx().await?;
    let cx = cx.confirmed()?;
    let (view, words) = match decision {
        ApprovalDecision::Approve => (domain::approval::approve(&cx, id, input).await?, "Approved."),
        ApprovalDecision::Reject => (domain::approval::reject(&cx, id, input).await?, "Rejected."),
        ApprovalDecision::Revoke => {
            (domain::approval::revoke(&cx, id).await?, "Your approval is taken back.")
        }
    };
    crate::context::done(words);
    Ok(view)
}

/// Lets something pass alone, in an emergency.
#[server(prefix = "/portal", endpoint = "approval/break_glass", output = Answer)]
pub async fn break_glass(id: CommandRequestId, input: BreakGlassInput) -> Result<DecisionView, PortalError> {
    let cx = crate::context::cx().await?;
    let view = domain::approval::break_glass(&cx.confirmed()?, id, input).await?;
    crate::context::done("Let pass in an emergency. Somebody else looks at it afterwards.");
    Ok(view)
}

/// Looks at it afterwards.
#[server(prefix = "/portal", endpoint = "approval/review", output = Answer)]
pub async fn review(id: CommandRequestId, input: ReviewInput) -> Result<DecisionView, PortalError> {
    let cx = crate::context::cx().await?;
    let view = domain::approval::review(&cx.confirmed()?, id, input).await?;
    crate::context::done("Looked at.");
    Ok(view)
}
