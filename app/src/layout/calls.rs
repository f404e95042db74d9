//! Server functions of the frame.

use crate::{codec::Answer, error::PortalError, ui::theme::Theme};
use entity::{business::BusinessChoice, id::BusinessId, page::Page, user::Me};
use leptos::prelude::*;

/// Who is signed in.
#[server(prefix = "/portal", endpoint = "account/me", output = Answer)]
pub async fn who_is_looking() -> Result<Me, PortalError> {
    Ok(crate::context::cx().await?.me().clone())
}

/// The businesses that the switcher offers: the first of them, and the one that is chosen.
#[server(prefix = "/portal", endpoint = "layout/businesses", output = Answer)]
pub async fn switchable_businesses(chosen: Option<BusinessId>) -> Result<Page<BusinessChoice>, PortalError> {
    Ok(domain::business::choices(&crate::context::cx().await?, None, chosen.as_slice()).await?)
}

/// Ends the session of this browser.
#[server(prefix = "/portal", endpoint = "account/sign-out", output = Answer)]
pub async fn sign_out() -> Result<(), PortalError> {
    domain::access::sign_out(&crate::context::cx().await?).await?;
    crate::context::clear_session_cookie()?;
    crate::context::redirect("/sign-in");
    Ok(())
}

/// Has the browser remember a theme.
#[server(prefix = "/portal", endpoint = "account/theme", output = Answer)]
pub async fn set_theme(theme: Theme) -> Result<(), PortalError> {
    crate::context::cx().await?;
    crate::context::set_theme(theme);
    Ok(())
}
