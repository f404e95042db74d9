//! The server functions of the audit log: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    audit::{AuditEntryView, AuditOptions, AuditQuery, ChainReport},
    page::Page,
};
use leptos::prelude::*;

/// Entries within reach, newest first.
#[server(prefix = "/portal", endpoint = "audit/list", output = Answer)]
pub async fn list_entries(#[server(default)] query: AuditQuery) -> Result<Page<AuditEntryView>, PortalError> {
    Ok(domain::audit::list(&crate::context::cx().await?, &query).await?)
}

/// One entry, by its place in the chain.
#[server(prefix = "/portal", endpoint = "audit/get", output = Answer)]
pub async fn get_entry(seq: i64) -> Result<AuditEntryView, PortalError> {
    Ok(domain::audit::get(&crate::context::cx().await?, seq).await?)
}

/// What the entries can be narrowed by.
#[server(prefix = "/portal", endpoint = "audit/options", output = Answer)]
pub async fn list_options() -> Result<AuditOptions, PortalError> {
    Ok(domain::audit::options(&crate::context::cx().await?).await?)
}

/// Checks the chain from its first entry to its head.
#[server(prefix = "/portal", endpoint = "audit/verify", output = Answer)]
pub async fn verify_chain(expected_head: Option<String>) -> Result<ChainReport, PortalError> {
    let cx = crate::context::cx().await?;
    let report = domain::audit::verify(&cx, expected_head.as_deref()).await?;
    crate::context::done(&report.sentence());
    Ok(report)
}
