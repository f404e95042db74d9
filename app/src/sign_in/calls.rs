//! Server functions of signing in.

use crate::{codec::Answer, error::PortalError};
use entity::session::SignInInput;
use leptos::prelude::*;

/// Signs the browser in and leads to `next` on this site, or to the question for the second factor.
#[server(prefix = "/portal", endpoint = "sign-in", output = Answer)]
pub async fn sign_in(input: SignInInput, next: String) -> Result<(), PortalError> {
    let (store, visitor) = (crate::context::store()?, crate::context::visitor()?);
    let arrived = domain::access::sign_in(&store, &visitor, input).await?;
    crate::context::arrived(&arrived, &next)
}

/// Can one sign in with a passkey at the address of this server?
#[server(prefix = "/portal", endpoint = "sign-in/passkeys-are-offered", output = Answer)]
pub async fn passkeys_are_offered() -> Result<bool, PortalError> {
    // Server functions are async, also those that wait for nothing.
    std::future::ready(Ok(domain::factor::passkeys_are_possible(&crate::context::store()?))).await
}
