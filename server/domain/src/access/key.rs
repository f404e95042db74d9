//! From an API key to a context: the owner's, as they are at this moment, within the key's scopes.

use super::{Credential, Cx, Visitor, sign_in};
use crate::{Error, Result, Store, secret};
use chrono::Duration;
use entity::{
    api_key::KEY_PREFIX,
    policy::{Action, Permissions},
    table::{api_key, user},
    user::UserKind,
};
use ipnet::IpNet;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};
use std::net::IpAddr;

/// The time of the last use is written down no more often than this.
const NOTED_EVERY: Duration = Duration::minutes(1);

/// Authenticates a program.
///
/// # Errors
/// Signed out when the key is not good, its owner may not sign in any more, or it comes from elsewhere than it may.
pub async fn api_key_cx(store: &Store, visitor: &Visitor, secret: &str) -> Result<Cx> {
    let now = store.now();
    if !secret.starts_with(KEY_PREFIX) {
        return Err(Error::signed_out());
    }
    let key = api_key::Entity::find()
        .filter(api_key::Column::SecretHash.eq(secret::digest(secret)))
        .one(store.db())
        .await?
        .filter(|key| key.revoked_at.is_none() && key.expires_at > now)
        .ok_or_else(Error::signed_out)?;
    if !comes_from(&visitor.source_ip, &networks(&key.allowed_networks)?) {
        return Err(Error::signed_out());
    }
    let user = user::Entity::find_by_id(key.user_id)
        .one(store.db())
        .await?
        .filter(|user| user.is_active)
        .ok_or_else(Error::signed_out)?;
    if !super::arrive::is_of_active_business(store, &user).await? {
        return Err(Error::signed_out());
    }
    let reach = sign_in::reach_of(store, &user).await?;
    let scopes: Permissions = read(&key.permissions)?;
    let mut me = sign_in::me(store, &user, false).await?;
    me.permissions = me.permissions.only(&scopes);
    if user.kind == UserKind::Service {
        me.must_change_password = false;
    }
    if key.last_used_at.is_none_or(|at| at + NOTED_EVERY <= now)
        || key.last_used_ip.as_deref() != Some(visitor.source_ip.as_str())
    {
        let change = store.begin().await?;
        api_key::Entity::update_many()
            .col_expr(api_key::Column::LastUsedAt, Expr::value(now))
            .col_expr(api_key::Column::LastUsedIp, Expr::value(visitor.source_ip.as_str()))
            .filter(api_key::Column::Id.eq(key.id))
            .exec(&*change)
            .await?;
        change.commit_unattended().await?;
    }
    Ok(Cx::new(store, me, reach, Credential::ApiKey(key.id), visitor))
}

/// The networks of a key.
pub(crate) fn networks(stored: &str) -> Result<Vec<IpNet>> {
    let texts: Vec<String> = read(stored)?;
    texts
        .iter()
        .map(|text| text.parse().map_err(|error| Error::Internal(format!("a stored network: {error}"))))
        .collect()
}

fn comes_from(source_ip: &str, networks: &[IpNet]) -> bool {
    let Ok(address) = source_ip.parse::<IpAddr>() else { return networks.is_empty() };
    networks.is_empty() || networks.iter().any(|network| network.contains(&address.to_canonical()))
}

/// Reads a list that was stored as JSON.
pub(crate) fn read<T: serde::de::DeserializeOwned>(stored: &str) -> Result<T> {
    serde_json::from_str(stored).map_err(|error| Error::Internal(format!("a stored list: {error}")))
}

/// Stores a list of permissions as JSON.
pub(crate) fn write(permissions: &Permissions) -> String {
    let words: Vec<_> = permissions.iter().map(Action::word).collect();
    serde_json::json!(words).to_string()
}
