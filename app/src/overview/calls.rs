//! Server functions of the overview.

use crate::error::PortalError;
use entity::overview::Overview;
use leptos::prelude::*;

/// The overview within one's reach.
#[server(prefix = "/portal", endpoint = "overview/get")]
pub async fn get_overview() -> Result<Overview, PortalError> {
    Ok(domain::overview::get(&crate::context::cx().await?).await?)
}
