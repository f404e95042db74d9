//! Server functions of the setup.

use crate::{codec::Answer, error::PortalError};
use entity::session::SetupInput;
use leptos::prelude::*;

/// True while there is no user.
#[server(prefix = "/portal", endpoint = "setup/is-open", output = Answer)]
pub async fn setup_is_open() -> Result<bool, PortalError> {
    Ok(domain::access::setup_is_open(&crate::context::store()?).await?)
}

/// Makes the first admin and signs them in.
#[server(prefix = "/portal", endpoint = "setup/complete", output = Answer)]
pub async fn complete_setup(input: SetupInput) -> Result<(), PortalError> {
    let (store, visitor) = (crate::context::store()?, crate::context::visitor()?);
    let secret = domain::access::complete_setup(&store, &visitor, input).await?;
    crate::context::set_session_cookie(&secret)?;
    crate::context::redirect("/");
    Ok(())
}
