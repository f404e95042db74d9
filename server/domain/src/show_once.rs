//! Secrets on their way to the one page that shows them once: sealed, for ten minutes, for their maker. In the
//! database, because the page may be asked for at another process than the one that made the secret.

use crate::{Error, Result, Store, secret};
use chrono::Duration;
use entity::{
    id::{CeremonyId, UserId},
    table::ceremony,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Display;

/// How long a secret waits for its page.
const KEPT: Duration = Duration::minutes(10);
/// Most secrets of one maker that wait at once; a newer one takes the place of the oldest.
const OF_ONE_MAX: u64 = 50;

/// What a secret opens. Each has its own place in the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A registration token.
    RegistrationToken,
    /// A link to choose a password.
    Link,
    /// An API key.
    ApiKey,
}

impl Shown {
    /// The kind of its row. No ceremony that somebody can finish has it.
    const fn kind(self) -> &'static str {
        match self {
            Self::RegistrationToken => "show_registration_token",
            Self::Link => "show_link",
            Self::ApiKey => "show_api_key",
        }
    }

    const ALL: [Self; 3] = [Self::RegistrationToken, Self::Link, Self::ApiKey];

    /// Under which the row is found. It opens nothing: only its maker gets the row, in a session.
    fn name(self, key: impl Display) -> String {
        secret::digest(&format!("{} {key}", self.kind()))
    }
}

/// Keeps a secret for its maker; the one before for the same thing is forgotten. It was made already: that it cannot
/// be kept is worth a line in the log and no more, for whoever made it has it in the answer.
pub(crate) async fn put(
    store: &Store,
    what: Shown,
    maker: UserId,
    key: impl Display,
    secret: &impl Serialize,
) {
    if let Err(error) = keep(store, what, maker, what.name(key), secret).await {
        tracing::warn!(%error, "a new secret could not be kept for the page that shows it");
    }
}

async fn keep(
    store: &Store,
    what: Shown,
    maker: UserId,
    name: String,
    secret: &impl Serialize,
) -> Result<()> {
    let now = store.now();
    let json = serde_json::to_vec(secret).map_err(|error| Error::Internal(error.to_string()))?;
    let change = store.begin().await?;
    ceremony::Entity::delete_many().filter(ceremony::Column::SecretHash.eq(&name)).exec(&*change).await?;
    let kinds = Shown::ALL.map(Shown::kind);
    let waiting = ceremony::Entity::find()
        .filter(ceremony::Column::UserId.eq(maker))
        .filter(ceremony::Column::Kind.is_in(kinds))
        .order_by_desc(ceremony::Column::CreatedAt)
        .offset(OF_ONE_MAX - 1)
        .limit(OF_ONE_MAX)
        .all(&*change)
        .await?;
    if !waiting.is_empty() {
        let oldest = waiting.into_iter().map(|row| row.id);
        ceremony::Entity::delete_many().filter(ceremony::Column::Id.is_in(oldest)).exec(&*change).await?;
    }
    ceremony::ActiveModel {
        id: Set(CeremonyId::generate()),
        secret_hash: Set(name),
        kind: Set(what.kind().to_owned()),
        user_id: Set(Some(maker)),
        state: Set(store.seal().close(what.kind(), &json)?),
        tries: Set(0),
        created_at: Set(now),
        expires_at: Set(now + KEPT),
    }
    .insert(&*change)
    .await?;
    change.commit_unattended().await
}

/// Hands the secret to its maker and forgets it: of many who ask at once, one gets it.
pub(crate) async fn take<T: DeserializeOwned>(
    store: &Store,
    what: Shown,
    maker: UserId,
    key: impl Display,
) -> Result<Option<T>> {
    let found = ceremony::Entity::find()
        .filter(ceremony::Column::SecretHash.eq(what.name(key)))
        .filter(ceremony::Column::Kind.eq(what.kind()))
        .filter(ceremony::Column::UserId.eq(maker))
        .filter(ceremony::Column::ExpiresAt.gt(store.now()))
        .one(store.db())
        .await?;
    let Some(row) = found else { return Ok(None) };
    let change = store.begin().await?;
    let taken = ceremony::Entity::delete_by_id(row.id).exec(&*change).await?;
    change.commit_unattended().await?;
    if taken.rows_affected != 1 {
        return Ok(None);
    }
    let json = store.seal().open(what.kind(), &row.state)?;
    serde_json::from_slice(&json)
        .map(Some)
        .map_err(|error| Error::Internal(format!("a stored secret: {error}")))
}
