//! Signing in and out, and from a cookie to a context.

use super::{Cx, SessionSecret, Visitor, verify_password};
use crate::{Error, Result, Store, secret, store::Reach};
use chrono::{DateTime, Duration, Utc};
use entity::{
    id::{SessionId, UserId},
    problem::{Problem, ProblemCode},
    session::SignInInput,
    table::{business, session, user, user_grant},
    user::{Me, Role},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set, sea_query::Expr,
};

/// A session ends after this time at the latest.
const ABSOLUTE: Duration = Duration::hours(12);
/// A session ends after this time without a request.
const IDLE: Duration = Duration::minutes(30);
/// The time of the last request is written down no more often than this.
const NOTED_EVERY: Duration = Duration::minutes(1);

/// Signs a person in. Unknown users and wrong passwords get the same answer and take the same time.
///
/// # Errors
/// Signed out when it is not them, too many after many failures.
pub async fn sign_in(store: &Store, visitor: &Visitor, input: SignInInput) -> Result<SessionSecret> {
    let email = input.email.trim().to_lowercase();
    if email.len() > 320 || input.password.len() > entity::input::PASSWORD_MAX {
        return Err(wrong());
    }
    if let Some(wait) = store.throttle().wait_seconds(store.now(), &visitor.source_ip, &email) {
        return Err(Error::too_many(wait));
    }
    let user = user::Entity::find().filter(user::Column::Email.eq(&email)).one(store.db()).await?;
    let hash = user.as_ref().filter(|user| user.is_active).map(|user| user.password_hash.clone());
    let good = verify_password(store, &input.password, hash).await?;
    match user {
        Some(user) if good => {
            store.throttle().succeeded(&visitor.source_ip, &email);
            begin_session(store, visitor, user.id).await
        }
        _ => {
            store.throttle().failed(store.now(), &visitor.source_ip, &email);
            Err(wrong())
        }
    }
}

fn wrong() -> Error {
    Problem {
        field: Some("password".to_owned()),
        ..Problem::new(ProblemCode::SignedOut, "The address or the password is wrong.")
    }
    .into()
}

/// Begins a session of somebody who has just proved who they are.
pub(super) async fn begin_session(
    store: &Store,
    visitor: &Visitor,
    user_id: UserId,
) -> Result<SessionSecret> {
    let secret = secret::opaque()?;
    let now = store.now();
    let change = store.begin().await?;
    session::ActiveModel {
        id: Set(SessionId::generate()),
        user_id: Set(user_id),
        secret_hash: Set(secret::digest(&secret)),
        source_ip: Set(visitor.source_ip.clone()),
        user_agent: Set(entity::input::clip(&visitor.user_agent, 200)),
        created_at: Set(now),
        last_seen_at: Set(now),
        expires_at: Set(now + ABSOLUTE),
        ended_at: Set(None),
    }
    .insert(&*change)
    .await?;
    user::Entity::update_many()
        .col_expr(user::Column::LastSignInAt, Expr::value(now))
        .filter(user::Column::Id.eq(user_id))
        .exec(&*change)
        .await?;
    change.commit_unattended().await?;
    Ok(SessionSecret(secret))
}

/// From the secret in a cookie to a context, with the grants as they are at this moment.
///
/// # Errors
/// Signed out when the session is over or the user may not sign in any more.
pub async fn session_cx(store: &Store, visitor: &Visitor, secret: &SessionSecret) -> Result<Cx> {
    let (cx, last_seen_at) = resolve(store, visitor, secret).await?;
    let now = store.now();
    if last_seen_at + NOTED_EVERY <= now {
        note_use(store, cx.session_id, now).await?;
    }
    Ok(cx)
}

/// The same for a page that is only open: looking on does not keep a session from idling out.
///
/// # Errors
/// Signed out when the session is over or the user may not sign in any more.
pub async fn watching_cx(store: &Store, visitor: &Visitor, secret: &SessionSecret) -> Result<Cx> {
    resolve(store, visitor, secret).await.map(|(cx, _)| cx)
}

/// The context, and when the session was last used.
async fn resolve(store: &Store, visitor: &Visitor, secret: &SessionSecret) -> Result<(Cx, DateTime<Utc>)> {
    let now = store.now();
    let session = session::Entity::find()
        .filter(session::Column::SecretHash.eq(secret::digest(secret.expose())))
        .one(store.db())
        .await?
        .filter(|s| s.ended_at.is_none() && s.expires_at > now && s.last_seen_at + IDLE > now)
        .ok_or_else(Error::signed_out)?;
    let user = user::Entity::find_by_id(session.user_id)
        .one(store.db())
        .await?
        .filter(|user| user.is_active)
        .ok_or_else(Error::signed_out)?;
    let business = match user.business_id {
        Some(id) => business::Entity::find_by_id(id).one(store.db()).await?,
        None => None,
    };
    let reach = reach(store, &user).await?;
    let me = Me {
        id: user.id,
        email: user.email,
        full_name: user.full_name,
        role: user.role,
        business_id: user.business_id,
        business_name: business.map(|business| business.business_name),
        must_change_password: user.must_change_password,
    };
    let source_ip = visitor.source_ip.clone();
    Ok((Cx { store: store.clone(), me, reach, session_id: session.id, source_ip }, session.last_seen_at))
}

async fn note_use(store: &Store, session: SessionId, now: DateTime<Utc>) -> Result<()> {
    let change = store.begin().await?;
    session::Entity::update_many()
        .col_expr(session::Column::LastSeenAt, Expr::value(now))
        .filter(session::Column::Id.eq(session))
        .exec(&*change)
        .await?;
    change.commit_unattended().await
}

/// What a user may reach. Nothing at all until a one-time password has been replaced.
async fn reach(store: &Store, user: &user::Model) -> Result<Reach> {
    if user.must_change_password {
        return Ok(Reach::Nothing);
    }
    Ok(match user.role {
        Role::MspAdmin | Role::Auditor => Reach::EveryBusiness,
        Role::Technician => {
            let grants = user_grant::Entity::find()
                .filter(user_grant::Column::UserId.eq(user.id))
                .all(store.db())
                .await?;
            Reach::from_granted(grants.into_iter().map(|grant| grant.business_id).collect())
        }
        Role::BusinessOwner | Role::Contact => Reach::from_granted(user.business_id.into_iter().collect()),
    })
}

/// Ends the session that asks.
///
/// # Errors
/// When the database fails.
pub async fn sign_out(cx: &Cx) -> Result<()> {
    let change = cx.store().begin().await?;
    session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(cx.store().now()))
        .filter(session::Column::Id.eq(cx.session_id()))
        .exec(&*change)
        .await?;
    change.commit_unattended().await
}

/// Ends sessions of a user: all of them, or all but one.
pub(crate) async fn end_sessions(
    cx: &Cx,
    change: &crate::store::Change,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<()> {
    let mut update = session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(cx.store().now()))
        .filter(session::Column::UserId.eq(user))
        .filter(session::Column::EndedAt.is_null());
    if let Some(keep) = keep {
        update = update.filter(session::Column::Id.ne(keep));
    }
    update.exec(&**change).await?;
    Ok(())
}
