//! Second factors: codes of an authenticator app, passkeys, and the codes kept for when those are lost.

use crate::{Confirmed, Cx, Result, SessionSecret, Store, SystemCx, Visitor, access::CeremonySecret};
use entity::{
    factor::{CodeInput, FactorChoice, FactorsView, TotpSetup},
    id::{PasskeyId, UserId},
    table::{passkey, totp_factor},
    user::UserWithLink,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::Value;
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

pub async fn mine(cx: &Cx) -> Result<FactorsView> {
    todo(cx.store())
}
pub async fn begin_totp(cx: &Cx) -> Result<TotpSetup> {
    todo(cx.store())
}
pub async fn confirm_totp(cx: &Cx, _: CodeInput) -> Result<Vec<String>> {
    todo(cx.store())
}
pub async fn remove_totp(cx: &Confirmed<'_>) -> Result<()> {
    todo(cx.store())
}
pub async fn new_recovery_codes(cx: &Confirmed<'_>) -> Result<Vec<String>> {
    todo(cx.store())
}
pub async fn begin_passkey(cx: &Cx) -> Result<(Value, CeremonySecret)> {
    todo(cx.store())
}
pub async fn finish_passkey(cx: &Cx, _: &CeremonySecret, _: String, _: Value) -> Result<Vec<String>> {
    todo(cx.store())
}
pub async fn rename_passkey(cx: &Cx, _: PasskeyId, _: String) -> Result<()> {
    todo(cx.store())
}
pub async fn remove_passkey(cx: &Confirmed<'_>, _: PasskeyId) -> Result<()> {
    todo(cx.store())
}
pub async fn choice(store: &Store, _: &CeremonySecret) -> Result<FactorChoice> {
    todo(store)
}
pub async fn sign_in_with_code(
    store: &Store,
    _: &Visitor,
    _: &CeremonySecret,
    _: CodeInput,
) -> Result<SessionSecret> {
    todo(store)
}
pub async fn begin_passkey_sign_in(
    store: &Store,
    _: Option<&CeremonySecret>,
) -> Result<(Value, CeremonySecret)> {
    todo(store)
}
pub async fn finish_passkey_sign_in(
    store: &Store,
    _: &Visitor,
    _: &CeremonySecret,
    _: Option<&CeremonySecret>,
    _: Value,
) -> Result<SessionSecret> {
    todo(store)
}
pub async fn confirm_with_code(cx: &Cx, _: CodeInput) -> Result<()> {
    todo(cx.store())
}
pub async fn begin_passkey_confirm(cx: &Cx) -> Result<(Value, CeremonySecret)> {
    todo(cx.store())
}
pub async fn finish_passkey_confirm(cx: &Cx, _: &CeremonySecret, _: Value) -> Result<()> {
    todo(cx.store())
}
pub async fn reset(cx: &SystemCx, _: &str) -> Result<UserWithLink> {
    todo(cx.store())
}
fn todo<T>(_: &Store) -> Result<T> {
    Err(crate::Error::Internal("not there yet".to_owned()))
}
