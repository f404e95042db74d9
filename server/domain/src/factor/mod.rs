//! Second factors: codes of an authenticator app, passkeys, and the codes kept for when those are lost.

mod challenge;
mod confirm;
mod own;
mod passkey;
mod recovery;
mod relying_party;
mod reset;
mod sign_in;
mod totp;

pub use confirm::{begin_passkey_confirm, confirm_with_code, finish_passkey_confirm};
pub use own::mine;
pub use passkey::{begin_passkey, finish_passkey, remove_passkey, rename_passkey};
pub use recovery::new_recovery_codes;
pub use relying_party::passkeys_are_possible;
pub use reset::reset;
pub use sign_in::{begin_passkey_sign_in, choice, finish_passkey_sign_in, sign_in_with_code};
pub use totp::{begin_totp, confirm_totp, remove_totp};

use crate::{Result, Store};
use entity::{
    id::UserId,
    table::{passkey as passkey_table, totp_factor},
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
    let passkeys = passkey_table::Entity::find()
        .filter(passkey_table::Column::UserId.is_in(ids.iter().copied()))
        .all(store.db())
        .await?;
    Ok(totp.into_iter().map(|row| row.user_id).chain(passkeys.into_iter().map(|row| row.user_id)).collect())
}
