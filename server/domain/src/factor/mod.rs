//! Second factors: codes of an authenticator app, passkeys, and the codes kept for when those are lost.

use crate::{Result, Store};
use entity::{
    id::UserId,
    table::{passkey, totp_factor},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use std::collections::HashSet;

/// Has this person a second factor?
pub(crate) async fn has_any(store: &Store, id: UserId) -> Result<bool> {
    Ok(!who_has_any(store, &[id]).await?.is_empty())
}

/// Who of these has a second factor?
pub(crate) async fn who_has_any(store: &Store, ids: &[UserId]) -> Result<HashSet<UserId>> {
    let totp = totp_factor::Entity::find()
        .filter(totp_factor::Column::UserId.is_in(ids.iter().copied()))
        .filter(totp_factor::Column::ConfirmedAt.is_not_null())
        .all(store.db())
        .await?;
    let passkeys = passkey::Entity::find()
        .filter(passkey::Column::UserId.is_in(ids.iter().copied()))
        .all(store.db())
        .await?;
    Ok(totp.into_iter().map(|row| row.user_id).chain(passkeys.into_iter().map(|row| row.user_id)).collect())
}
