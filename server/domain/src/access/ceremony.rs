//! What was begun and waits for its second half: a sign-in for its factor, a passkey for its browser, a provider for
//! its person. Whoever holds the secret may finish it, once, and not for long.

use crate::{Error, Result, Store, secret};
use chrono::Duration;
use entity::{
    id::{CeremonyId, UserId},
    table::ceremony,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, Set,
    sea_query::Expr,
};
use serde::{Serialize, de::DeserializeOwned};

/// Minutes that a ceremony waits.
pub const CEREMONY_MINUTES: i64 = 10;
/// Times that one may be looked at: bounds how often a code can be guessed with one of them.
const TRIES_MAX: i64 = 10;

/// The secret that finishes a ceremony; kept in a cookie. Not `Debug`, so that it cannot reach a log by accident.
#[derive(Clone)]
pub struct CeremonySecret(String);

impl CeremonySecret {
    /// From the value of a cookie or a parameter.
    #[must_use]
    pub fn from_text(value: &str) -> Self {
        Self(value.to_owned())
    }

    /// The value for a cookie or a parameter.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Begins a ceremony of this kind.
pub(crate) async fn begin(
    store: &Store,
    kind: &str,
    user_id: Option<UserId>,
    state: &impl Serialize,
) -> Result<CeremonySecret> {
    let secret = secret::opaque()?;
    let now = store.now();
    let state = serde_json::to_string(state).map_err(|error| Error::Internal(error.to_string()))?;
    let change = store.begin().await?;
    ceremony::ActiveModel {
        id: Set(CeremonyId::generate()),
        secret_hash: Set(secret::digest(&secret)),
        kind: Set(kind.to_owned()),
        user_id: Set(user_id),
        state: Set(store.seal().close(kind, state.as_bytes())?),
        tries: Set(0),
        created_at: Set(now),
        expires_at: Set(now + Duration::minutes(CEREMONY_MINUTES)),
    }
    .insert(&*change)
    .await?;
    change.commit_unattended().await?;
    Ok(CeremonySecret(secret))
}

/// Looks at a ceremony without ending it; counts as a try.
///
/// # Errors
/// Gone when there is none, or it was tried too often.
pub(crate) async fn peek<T: DeserializeOwned>(
    store: &Store,
    kind: &str,
    secret: &CeremonySecret,
) -> Result<(Option<UserId>, T)> {
    let change = store.begin().await?;
    let tried = ceremony::Entity::update_many()
        .col_expr(ceremony::Column::Tries, Expr::col(ceremony::Column::Tries).add(1))
        .filter(ceremony::Column::SecretHash.eq(secret::digest(secret.expose())))
        .filter(ceremony::Column::Kind.eq(kind))
        .filter(ceremony::Column::Tries.lt(TRIES_MAX))
        .filter(ceremony::Column::ExpiresAt.gt(store.now()))
        .exec(&*change)
        .await?;
    change.commit_unattended().await?;
    if tried.rows_affected != 1 {
        return Err(over());
    }
    let row = ceremony::Entity::find()
        .filter(ceremony::Column::SecretHash.eq(secret::digest(secret.expose())))
        .one(store.db())
        .await?
        .ok_or_else(over)?;
    Ok((row.user_id, read(store, kind, &row.state)?))
}

/// Looks at a ceremony without a try: to know whose it is, never to check a proof.
///
/// # Errors
/// Gone when there is none.
pub(crate) async fn look<T: DeserializeOwned>(
    store: &Store,
    kind: &str,
    secret: &CeremonySecret,
) -> Result<(Option<UserId>, T)> {
    let row = ceremony::Entity::find()
        .filter(ceremony::Column::SecretHash.eq(secret::digest(secret.expose())))
        .filter(ceremony::Column::Kind.eq(kind))
        .filter(ceremony::Column::ExpiresAt.gt(store.now()))
        .one(store.db())
        .await?
        .ok_or_else(over)?;
    Ok((row.user_id, read(store, kind, &row.state)?))
}

/// Ends a ceremony: of many who try, one gets it.
///
/// # Errors
/// Gone when there is none.
pub(crate) async fn take<T: DeserializeOwned>(
    store: &Store,
    kind: &str,
    secret: &CeremonySecret,
) -> Result<(Option<UserId>, T)> {
    let row = ceremony::Entity::find()
        .filter(ceremony::Column::SecretHash.eq(secret::digest(secret.expose())))
        .filter(ceremony::Column::Kind.eq(kind))
        .filter(ceremony::Column::ExpiresAt.gt(store.now()))
        .one(store.db())
        .await?
        .ok_or_else(over)?;
    let change = store.begin().await?;
    let taken = ceremony::Entity::delete_by_id(row.id).exec(&*change).await?;
    change.commit_unattended().await?;
    if taken.rows_affected != 1 {
        return Err(over());
    }
    Ok((row.user_id, read(store, kind, &row.state)?))
}

fn read<T: DeserializeOwned>(store: &Store, kind: &str, state: &str) -> Result<T> {
    let json = store.seal().open(kind, state)?;
    serde_json::from_slice(&json).map_err(|error| Error::Internal(format!("a stored ceremony: {error}")))
}

fn over() -> Error {
    Error::gone("This took too long, or was done already. Begin again.")
}
