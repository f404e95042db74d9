//! From a first proof of who somebody is to a session, or to the question for their second factor.

use super::{CeremonySecret, SessionSecret, SignIn, Visitor, begin_ceremony};
use crate::{
    Error, Result, Store,
    audit::{Actor, Record},
    factor, secret,
};
use chrono::Duration;
use entity::{
    id::SessionId,
    session::SignedInWith,
    table::{business, session, user},
    user::UserKind,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, Set,
    sea_query::{Expr, LockType},
};
use serde::{Deserialize, Serialize};

/// A session ends after this time at the latest.
const ABSOLUTE: Duration = Duration::hours(12);
/// Names the ceremony of a sign-in that waits for its second factor.
pub(crate) const FACTOR: &str = "sign_in_factor";

/// What a sign-in that waits for its factor remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Arrival {
    /// By what they were recognised so far.
    pub(crate) with: SignedInWith,
    /// Digest of the password's hash at that time: another password ends what was begun with this one.
    pub(crate) password: String,
}

impl Arrival {
    /// Does this person still have the password that they had when they arrived?
    pub(crate) fn is_still_good(&self, user: &user::Model) -> bool {
        secret::digest(&user.password_hash) == self.password
    }
}

/// Goes on with somebody who was recognised: to a session, or to their second factor.
pub(crate) async fn arrive(
    store: &Store,
    visitor: &Visitor,
    user: &user::Model,
    with: SignedInWith,
) -> Result<SignIn> {
    let is_enough = matches!(with, SignedInWith::Passkey | SignedInWith::OidcWithFactor);
    if !is_enough && factor::has_any(store, user.id).await? {
        let secret: CeremonySecret = {
            let arrival = Arrival { with, password: secret::digest(&user.password_hash) };
            begin_ceremony(store, FACTOR, Some(user.id), &arrival).await?
        };
        return Ok(SignIn::Factor(secret));
    }
    Ok(SignIn::Session(begin_session(store, visitor, user, with).await?))
}

/// Begins a session of somebody who has just proved who they are.
///
/// # Errors
/// Signed out when they may not sign in.
pub(crate) async fn begin_session(
    store: &Store,
    visitor: &Visitor,
    user: &user::Model,
    with: SignedInWith,
) -> Result<SessionSecret> {
    if !may_sign_in(store, user).await? {
        return Err(Error::signed_out());
    }
    let secret = secret::opaque()?;
    let now = store.now();
    let change = store.begin().await?;
    // What was proved a moment ago may be over by now: another password ends every session, this one too.
    let still = user::Entity::find_by_id(user.id).lock(LockType::NoKeyUpdate).one(&*change).await?;
    if !still.is_some_and(|row| row.is_active && row.password_hash == user.password_hash) {
        return Err(Error::signed_out());
    }
    session::ActiveModel {
        id: Set(SessionId::generate()),
        user_id: Set(user.id),
        secret_hash: Set(secret::digest(&secret)),
        source_ip: Set(visitor.source_ip.clone()),
        user_agent: Set(visitor.user_agent.clone()),
        signed_in_with: Set(with),
        confirmed_at: Set(Some(now)),
        created_at: Set(now),
        last_seen_at: Set(now),
        expires_at: Set(now + ABSOLUTE),
        ended_at: Set(None),
    }
    .insert(&*change)
    .await?;
    user::Entity::update_many()
        .col_expr(user::Column::LastSignInAt, Expr::value(now))
        .filter(user::Column::Id.eq(user.id))
        .exec(&*change)
        .await?;
    let record = Record::new("account.sign_in", format!("Signed in: {}", with.label().to_lowercase()));
    change.commit(&Actor::arriving(visitor, user), user.business_id, record).await?;
    store.telemetry().sign_in(with.word());
    Ok(SessionSecret(secret))
}

/// A person who is switched on, of a business that is.
pub(crate) async fn may_sign_in(store: &Store, user: &user::Model) -> Result<bool> {
    if !user.is_active || user.kind != UserKind::Person {
        return Ok(false);
    }
    is_of_active_business(store, user).await
}

/// True for the MSP's own, and for those whose business is switched on.
pub(super) async fn is_of_active_business(store: &Store, user: &user::Model) -> Result<bool> {
    Ok(match user.business_id {
        Some(id) => business::Entity::find_by_id(id).one(store.db()).await?.is_some_and(|b| b.is_active),
        None => true,
    })
}
