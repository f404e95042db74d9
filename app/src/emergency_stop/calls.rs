//! The server functions of the emergency stop: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::emergency_stop::{EmergencyStopView, StopQuery};
#[cfg(feature = "ssr")]
use entity::{
    emergency_stop::{RearmInput, StopInput},
    id::BusinessId,
};
use leptos::prelude::*;

/// The stops within reach: that for all, and those of businesses that are stopped or asked about.
#[server(prefix = "/portal", endpoint = "emergency_stop/list", output = Answer)]
pub async fn list_stops(#[server(default)] query: StopQuery) -> Result<Vec<EmergencyStopView>, PortalError> {
    Ok(domain::emergency_stop::list(&crate::context::cx().await?, &query).await?)
}

/// Stops strong commands, of one business or of all. Asks for no proof: stopping has to be easy.
#[server(prefix = "/portal", endpoint = "emergency_stop/stop", output = Answer)]
pub async fn stop_commands(
    #[server(default)] business_id: String,
    #[server(default)] reason: String,
) -> Result<EmergencyStopView, PortalError> {
    let business_id = named(&business_id)?;
    let view =
        domain::emergency_stop::stop(&crate::context::cx().await?, StopInput { business_id, reason }).await?;
    crate::context::done("Strong commands are stopped.");
    Ok(view)
}

/// Says that strong commands may go on; they do once enough people have.
#[server(prefix = "/portal", endpoint = "emergency_stop/rearm", output = Answer)]
pub async fn rearm_commands(
    #[server(default)] business_id: String,
    seq: u64,
    #[server(default)] note: String,
) -> Result<EmergencyStopView, PortalError> {
    let cx = crate::context::cx().await?;
    let input = RearmInput { business_id: named(&business_id)?, seq, note };
    let view = domain::emergency_stop::rearm(&cx.confirmed()?, input).await?;
    crate::context::done(if view.is_stopped {
        "Noted; others have to agree too."
    } else {
        "Strong commands go on."
    });
    Ok(view)
}

/// The business that a form names; an empty name stands for all of them.
#[cfg(feature = "ssr")]
fn named(text: &str) -> Result<Option<BusinessId>, PortalError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| PortalError::not_found())
}
