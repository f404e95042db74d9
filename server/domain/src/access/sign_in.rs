//! Signing in and out, and from a cookie to a context.

use super::{
    CeremonySecret, Credential, Cx, SessionSecret, Visitor, arrive, key, policy, renew_password,
    verify_password,
};
use crate::{
    Error, Result, Store,
    audit::{Actor, Record},
    factor, secret,
    store::Reach,
};
use chrono::{DateTime, Duration, Utc};
use entity::{
    id::{SessionId, UserId},
    policy::{Permissions, held},
    problem::{Problem, ProblemCode},
    session::{SignInInput, SignedInWith},
    table::{access_grant, business, custom_role, session, user},
    user::{Me, Role},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

/// A session ends after this time without a request.
const IDLE: Duration = Duration::minutes(30);
/// The time of the last request is written down no more often than this.
const NOTED_EVERY: Duration = Duration::minutes(1);

/// What a first proof led to.
pub enum SignIn {
    /// They are in.
    Session(SessionSecret),
    /// Their second factor is asked for.
    Factor(CeremonySecret),
}

/// Signs a person in, or goes on to their second factor. Unknown users and wrong passwords get the same answer and
/// take the same time.
///
/// # Errors
/// Signed out when it is not them, too many after many failures.
pub async fn sign_in(store: &Store, visitor: &Visitor, input: SignInInput) -> Result<SignIn> {
    let arrived = by_password(store, visitor, input).await;
    if arrived.is_err() {
        store.telemetry().sign_ins_refused.inc();
    }
    arrived
}

async fn by_password(store: &Store, visitor: &Visitor, input: SignInInput) -> Result<SignIn> {
    let email = input.email.trim().to_lowercase();
    if email.len() > 320 || email.contains('\0') || input.password.len() > entity::input::PASSWORD_MAX {
        return Err(wrong());
    }
    let user = user::Entity::find().filter(user::Column::Email.eq(&email)).one(store.db()).await?;
    let is_known_here = is_known_here(store, visitor, user.as_ref()).await?;
    let ticket = store.throttle().enter_as(store.now(), &visitor.source_ip, &email, is_known_here)?;
    let may = match &user {
        Some(user) => arrive::may_sign_in(store, user).await?,
        None => false,
    };
    let hash = user.as_ref().filter(|_| may).map(|user| user.password_hash.clone());
    let good = verify_password(store, &input.password, hash).await?;
    match user {
        Some(mut user) if good => {
            ticket.succeeded();
            renew_password(store, &mut user, &input.password).await;
            arrive::arrive(store, visitor, &user, SignedInWith::Password).await
        }
        user => {
            if ticket.is_last() {
                let record = Record::new("account.guessing", "Tried too many passwords, and has to wait");
                let actor = Actor::knocking(visitor);
                let business = user.as_ref().and_then(|user| user.business_id);
                store.begin().await?.commit(&actor, business, record.after(&email)).await?;
            }
            Err(wrong())
        }
    }
}

/// Has this person signed in from this address before? Then others who guess from there do not hold them up.
async fn is_known_here(store: &Store, visitor: &Visitor, user: Option<&user::Model>) -> Result<bool> {
    let id = user.map_or_else(UserId::generate, |user| user.id);
    let session = session::Entity::find()
        .filter(session::Column::UserId.eq(id))
        .filter(session::Column::SourceIp.eq(visitor.source_ip.as_str()))
        .one(store.db())
        .await?;
    Ok(session.is_some())
}

fn wrong() -> Error {
    Problem {
        field: Some("password".to_owned()),
        ..Problem::new(ProblemCode::SignedOut, "The address or the password is wrong.")
    }
    .into()
}

/// From the secret in a cookie to a context, with the grants as they are at this moment.
///
/// # Errors
/// Signed out when the session is over or the user may not sign in any more.
pub async fn session_cx(store: &Store, visitor: &Visitor, secret: &SessionSecret) -> Result<Cx> {
    let (cx, last_seen_at) = resolve(store, visitor, secret).await?;
    let now = store.now();
    if last_seen_at + NOTED_EVERY <= now {
        note_use(store, cx.session_id()?, now).await?;
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
    let user =
        user::Entity::find_by_id(session.user_id).one(store.db()).await?.ok_or_else(Error::signed_out)?;
    if !arrive::may_sign_in(store, &user).await? {
        return Err(Error::signed_out());
    }
    let lacks_factor = session.signed_in_with != SignedInWith::OidcWithFactor
        && policy::factor_policy(store).await?.requires(user.role.is_msp())
        && !factor::has_any(store, user.id).await?;
    let me = me(store, &user, lacks_factor).await?;
    // Nothing at all until a one-time password has been replaced and a required factor added.
    let is_ready = !me.must_change_password && !me.must_add_factor;
    let reach = if is_ready { reach_of(store, &user).await? } else { Reach::nothing() };
    let credential = Credential::Session {
        id: session.id,
        confirmed_at: session.confirmed_at.unwrap_or(session.created_at),
    };
    Ok((Cx::new(store, me, reach, credential, visitor), session.last_seen_at))
}

/// Who a user is, as the portal needs it.
pub(super) async fn me(store: &Store, user: &user::Model, must_add_factor: bool) -> Result<Me> {
    let business = match user.business_id {
        Some(id) => business::Entity::find_by_id(id).one(store.db()).await?,
        None => None,
    };
    let (role, permissions) = held_by(store, user).await?;
    Ok(Me {
        id: user.id,
        email: user.email.clone(),
        full_name: user.full_name.clone(),
        role: user.role,
        custom_role_name: role.map(|role| role.role_name),
        permissions,
        business_id: user.business_id,
        business_name: business.map(|business| business.business_name),
        must_change_password: user.must_change_password,
        must_add_factor,
    })
}

/// The custom role of a user, if they have one, and all that they may do.
pub(crate) async fn held_by(
    store: &Store,
    user: &user::Model,
) -> Result<(Option<custom_role::Model>, Permissions)> {
    let role = match user.custom_role_id {
        Some(id) => custom_role::Entity::find_by_id(id).one(store.db()).await?,
        None => None,
    };
    let custom = role.as_ref().map(|role| key::read(&role.permissions)).transpose()?;
    let permissions = held(user.role, custom.as_ref(), &key::read(&user.extra_permissions)?);
    Ok((role, permissions))
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

/// What a user may reach.
pub(crate) async fn reach_of(store: &Store, user: &user::Model) -> Result<Reach> {
    Ok(match (user.role, user.business_id) {
        (Role::MspAdmin | Role::Auditor, _) => Reach::everything(),
        (Role::Technician, _) => {
            let grants = access_grant::Entity::find()
                .filter(access_grant::Column::UserId.eq(user.id))
                .all(store.db())
                .await?;
            Reach::from_grants(&grants)
        }
        (Role::BusinessOwner | Role::Contact, Some(business)) => Reach::of(business),
        (Role::BusinessOwner | Role::Contact, None) => Reach::nothing(),
    })
}

/// Ends the session that asks.
///
/// # Errors
/// When the database fails.
pub async fn sign_out(cx: &Cx) -> Result<()> {
    let permit = cx.permit_self()?;
    let change = permit.begin().await?;
    session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(cx.store().now()))
        .filter(session::Column::Id.eq(cx.session_id()?))
        .exec(&*change)
        .await?;
    permit.commit(change, Record::new("account.sign_out", "Signed out")).await
}

/// Ends sessions of a user: all of them, or all but one.
pub(crate) async fn end_sessions(
    store: &Store,
    change: &crate::store::Change,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<()> {
    let mut update = session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(store.now()))
        .filter(session::Column::UserId.eq(user))
        .filter(session::Column::EndedAt.is_null());
    if let Some(keep) = keep {
        update = update.filter(session::Column::Id.ne(keep));
    }
    update.exec(&**change).await?;
    Ok(())
}
