//! The server functions of users: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    id::{BusinessId, UserId},
    user::{UserInput, UserView},
};
use leptos::prelude::*;

/// Every user within reach, or the people of one business.
#[server(prefix = "/portal", endpoint = "user/list", output = Answer)]
pub async fn list_users(business_id: Option<BusinessId>) -> Result<Vec<UserView>, PortalError> {
    Ok(domain::user::list(&crate::context::cx().await?, business_id).await?)
}

/// One user.
#[server(prefix = "/portal", endpoint = "user/get", output = Answer)]
pub async fn get_user(id: UserId) -> Result<UserView, PortalError> {
    Ok(domain::user::get(&crate::context::cx().await?, id).await?)
}

/// Adds a user and leads to the page that shows the one-time password once.
#[server(prefix = "/portal", endpoint = "user/add", output = Answer)]
pub async fn add_user(input: UserInput) -> Result<UserView, PortalError> {
    let user = domain::user::add(&crate::context::cx().await?, input).await?.user;
    crate::context::done("User added.");
    crate::context::redirect(&format!("/users/{}", user.id));
    Ok(user)
}

/// Replaces a user's password by a one-time password, shown once on the user's page.
#[server(prefix = "/portal", endpoint = "user/reset_password", output = Answer)]
pub async fn reset_password(id: UserId) -> Result<UserView, PortalError> {
    let user = domain::user::reset_password(&crate::context::cx().await?, id).await?.user;
    crate::context::done("Password reset.");
    Ok(user)
}

/// The one-time password of a user, the first time its maker asks; nothing later on.
#[server(prefix = "/portal", endpoint = "user/take_password", output = Answer)]
pub async fn take_password(id: UserId) -> Result<Option<String>, PortalError> {
    Ok(domain::user::take_password(&crate::context::cx().await?, id).await?)
}

/// Switches a user off or on again.
#[server(prefix = "/portal", endpoint = "user/set_active", output = Answer)]
pub async fn set_active(id: UserId, is_active: bool) -> Result<UserView, PortalError> {
    let user = domain::user::set_active(&crate::context::cx().await?, id, is_active).await?;
    crate::context::done(if user.is_active { "User switched on." } else { "User switched off." });
    Ok(user)
}
