//! From an API key to a context: the owner's, as they are at this moment, within the key's scopes.

use super::{Credential, Cx, Visitor, sign_in};
use crate::{Error, Result, Store, secret, store::Change};
use chrono::{DateTime, Duration, Utc};
use entity::{
    api_key::KEY_PREFIX,
    id::UserId,
    policy::{Action, Permissions, held},
    table::{api_key, custom_role, user},
    user::UserKind,
};
use ipnet::IpNet;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QuerySelect as _, Select,
    sea_query::Expr,
};
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
    // Once a minute and not with every address: two machines that share a key must not make each call a commit.
    if key.last_used_at.is_none_or(|at| at + NOTED_EVERY <= now) {
        let change = store.begin().await?;
        api_key::Entity::update_many()
            .col_expr(api_key::Column::LastUsedAt, Expr::value(now))
            .col_expr(api_key::Column::LastUsedIp, Expr::value(visitor.source_ip.as_str()))
            .filter(api_key::Column::Id.eq(key.id))
            .exec(&*change)
            .await?;
        change.commit_unattended().await?;
    }
    let cx = Cx::new(store, me, reach, Credential::ApiKey(key.id), visitor);
    Ok(Cx { key_name: Some(key.key_name), ..cx })
}

/// The keys that act as whoever asks: theirs wherever they reach, like the rest of their account. A key sees itself
/// alone.
pub(crate) fn own_keys(cx: &Cx) -> Select<api_key::Entity> {
    let own = api_key::Entity::find().filter(api_key::Column::UserId.eq(cx.me().id));
    match cx.api_key_id() {
        Some(id) => own.filter(api_key::Column::Id.eq(id)),
        None => own,
    }
}

/// How many keys of a user work.
pub(crate) async fn count_working(change: &Change, id: UserId, now: DateTime<Utc>) -> Result<u64> {
    let working = api_key::Entity::find()
        .filter(api_key::Column::UserId.eq(id))
        .filter(api_key::Column::RevokedAt.is_null())
        .filter(api_key::Column::ExpiresAt.gt(now));
    Ok(working.count(&**change).await?)
}

/// All that a user may do at this moment, if they are switched on; nobody changes it before `change` ends.
pub(crate) async fn held_now(change: &Change, id: UserId) -> Result<Permissions> {
    let row = user::Entity::find_by_id(id)
        .lock_exclusive()
        .one(&**change)
        .await?
        .filter(|row| row.is_active)
        .ok_or_else(|| Error::not_found("user"))?;
    let custom = match row.custom_role_id {
        Some(role) => custom_role::Entity::find_by_id(role).lock_shared().one(&**change).await?,
        None => None,
    };
    let custom: Option<Permissions> = custom.map(|role| read(&role.permissions)).transpose()?;
    Ok(held(row.role, custom.as_ref(), &read(&row.extra_permissions)?))
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
