//! The server functions of users: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    id::UserId,
    page::Page,
    user::{IssuedLink, UserInput, UserQuery, UserView},
};
use leptos::prelude::*;

/// One page of the people within reach, of one business or of all.
#[server(prefix = "/portal", endpoint = "user/list", output = Answer)]
pub async fn list_users(#[server(default)] query: UserQuery) -> Result<Page<UserView>, PortalError> {
    Ok(domain::user::list(&crate::context::cx().await?, &query).await?)
}

/// One user.
#[server(prefix = "/portal", endpoint = "user/get", output = Answer)]
pub async fn get_user(id: UserId) -> Result<UserView, PortalError> {
    Ok(domain::user::get(&crate::context::cx().await?, id).await?)
}

/// Invites a user and leads to their page, which shows the link once.
#[server(prefix = "/portal", endpoint = "user/add", output = Answer)]
pub async fn add_user(input: UserInput) -> Result<UserView, PortalError> {
    let cx = crate::context::cx().await?;
    let added = domain::user::add(&cx.confirmed()?, input).await?;
    crate::context::done(&sent(&added));
    let user = added.user;
    crate::context::redirect(&format!("/users/{}", user.id));
    Ok(user)
}

/// Changes what somebody is and may do.
#[server(prefix = "/portal", endpoint = "user/change", output = Answer)]
pub async fn change_user(id: UserId, input: UserInput) -> Result<UserView, PortalError> {
    let cx = crate::context::cx().await?;
    let user = domain::user::change(&cx.confirmed()?, id, input).await?;
    crate::context::done("User changed.");
    Ok(user)
}

/// Makes a link to choose a password: mailed, or shown once on the user's page.
#[server(prefix = "/portal", endpoint = "user/send_link", output = Answer)]
pub async fn send_link(id: UserId) -> Result<UserView, PortalError> {
    let cx = crate::context::cx().await?;
    let sent_to = domain::user::send_reset_link(&cx.confirmed()?, id).await?;
    crate::context::done(&sent(&sent_to));
    Ok(sent_to.user)
}

/// The link of a user, the first time its maker asks; nothing later on.
#[server(prefix = "/portal", endpoint = "user/take_link", output = Answer)]
pub async fn take_link(id: UserId) -> Result<Option<IssuedLink>, PortalError> {
    Ok(domain::user::take_link(&crate::context::cx().await?, id).await?)
}

/// Switches a user off or on again.
#[server(prefix = "/portal", endpoint = "user/set_active", output = Answer)]
pub async fn set_active(id: UserId, is_active: bool) -> Result<UserView, PortalError> {
    let cx = crate::context::cx().await?;
    let user = domain::user::set_active(&cx.confirmed()?, id, is_active).await?;
    crate::context::done(if user.is_active { "User switched on." } else { "User switched off." });
    Ok(user)
}

/// Where the link went, in a sentence.
#[cfg(feature = "ssr")]
fn sent(to: &entity::user::UserWithLink) -> String {
    match &to.link.mailed_to {
        Some(address) => format!("A link was sent to {address}."),
        None => "The link is shown below, once.".to_owned(),
    }
}
