//! Server functions of links and forgotten passwords.

use crate::{codec::Answer, error::PortalError};
use entity::session::{ForgottenInput, LinkView};
use leptos::prelude::*;

/// Takes what a link says behind its `#`, and leads to the page that chooses a password. It waits in a cookie, because
/// an address is kept in histories and logs.
#[server(prefix = "/portal", endpoint = "welcome/open", output = Answer)]
pub async fn open_link(key: String) -> Result<(), PortalError> {
    crate::context::put_link_key(domain::user::key_of(&key))?;
    crate::context::redirect("/welcome/password");
    std::future::ready(Ok(())).await
}

/// Who the link of this browser is for; nothing when it works no more.
#[server(prefix = "/portal", endpoint = "welcome/look", output = Answer)]
pub async fn look() -> Result<Option<LinkView>, PortalError> {
    let (store, visitor) = (crate::context::store()?, crate::context::visitor()?);
    crate::context::unless_gone(domain::user::link(&store, &visitor, &crate::context::link_key()?).await)
}

/// Uses the link of this browser: the password is the new one, and the person is signed in.
#[server(prefix = "/portal", endpoint = "welcome/accept", output = Answer)]
pub async fn accept_link(password: String) -> Result<(), PortalError> {
    let (store, visitor) = (crate::context::store()?, crate::context::visitor()?);
    let input = entity::session::LinkInput { key: crate::context::link_key()?, password };
    let arrived = domain::user::accept_link(&store, &visitor, input).await?;
    crate::context::put_link_key("")?;
    crate::context::arrived(&arrived, "/")
}

/// Can people get a link by mail, without anybody's help?
#[server(prefix = "/portal", endpoint = "forgotten/is-mailed", output = Answer)]
pub async fn is_mailed() -> Result<bool, PortalError> {
    std::future::ready(Ok(domain::user::is_mailed(&crate::context::store()?))).await
}

/// Asks for a link by mail. The answer is the same for everybody.
#[server(prefix = "/portal", endpoint = "forgotten/ask", output = Answer)]
pub async fn ask_for_link(input: ForgottenInput) -> Result<(), PortalError> {
    domain::user::ask_for_link(&crate::context::store()?, &crate::context::visitor()?, &input)?;
    crate::context::redirect("/forgotten/sent");
    std::future::ready(Ok(())).await
}
