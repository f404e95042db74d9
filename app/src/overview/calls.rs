//! Server functions of the overview.

use crate::{codec::Answer, error::PortalError};
use entity::overview::Overview;
use leptos::prelude::*;

/// The overview within one's reach.
#[server(prefix = "/portal", endpoint = "overview/get", output = Answer)]
pub async fn get_overview() -> Result<Overview, PortalError> {
    Ok(domain::overview::get(&crate::context::cx().await?).await?)
}
