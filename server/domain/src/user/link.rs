//! Invitations and links to choose another password: one secret, used once, and not for long.

use super::change::NO_PASSWORD;
use crate::{
    Cx, Error, Letter, Result, Store, Visitor,
    access::{SignIn, end_sessions, hash_password, may_sign_in},
    audit::{Actor, Record},
    secret,
    show_once::{self, Shown},
    store::Change,
};
use chrono::{DateTime, Duration, Utc};
use entity::{
    id::{UserId, UserLinkId},
    session::{LinkInput, LinkView, SignedInWith},
    table::{user, user_link},
    user::{IssuedLink, LinkKind},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, Set,
    sea_query::Expr,
};

/// How long an invitation is good.
const INVITATION: Duration = Duration::days(3);
/// How long a link to choose another password is good.
const RESET: Duration = Duration::minutes(60);

/// Who had a link made.
#[derive(Clone, Copy)]
pub(crate) enum InvitedBy {
    /// Somebody who manages people.
    User(UserId),
    /// Themselves, from the sign-in page. Anybody can ask in their name, so nothing that others made is undone.
    Themselves,
    /// The server's operator.
    Operator,
}

/// A link on its way to its receiver.
pub(crate) struct FreshLink {
    user_id: UserId,
    kind: LinkKind,
    url: String,
    expires_at: DateTime<Utc>,
}

/// Makes every link of a person stop working.
pub(crate) async fn end_links(store: &Store, change: &Change, user_id: UserId) -> Result<()> {
    end(store, change, Condition::all().add(user_link::Column::UserId.eq(user_id))).await
}

async fn end(store: &Store, change: &Change, which: Condition) -> Result<()> {
    user_link::Entity::update_many()
        .col_expr(user_link::Column::UsedAt, Expr::value(store.now()))
        .filter(which)
        .filter(user_link::Column::UsedAt.is_null())
        .exec(&**change)
        .await?;
    Ok(())
}

/// Makes a link; those made before for the same person stop working.
pub(crate) async fn issue_link(
    store: &Store,
    change: &Change,
    user_id: UserId,
    kind: LinkKind,
    by: InvitedBy,
) -> Result<FreshLink> {
    let key = secret::opaque()?;
    let now = store.now();
    let expires_at = now + if kind == LinkKind::Invitation { INVITATION } else { RESET };
    match by {
        InvitedBy::User(_) | InvitedBy::Operator => end_links(store, change, user_id).await?,
        InvitedBy::Themselves => {
            let own = Condition::all()
                .add(user_link::Column::UserId.eq(user_id))
                .add(user_link::Column::Kind.eq(LinkKind::Reset))
                .add(user_link::Column::CreatedBy.is_null());
            end(store, change, own).await?;
        }
    }
    user_link::ActiveModel {
        id: Set(UserLinkId::generate()),
        user_id: Set(user_id),
        kind: Set(kind),
        secret_hash: Set(secret::digest(&key)),
        created_by: Set(match by {
            InvitedBy::User(id) => Some(id),
            InvitedBy::Themselves | InvitedBy::Operator => None,
        }),
        created_at: Set(now),
        expires_at: Set(expires_at),
        used_at: Set(None),
    }
    .insert(&**change)
    .await?;
    // Behind the `#`: browsers send that part to nobody, so that it is in no log.
    let url = format!("{}/welcome#{key}", store.public_url());
    Ok(FreshLink { user_id, kind, url, expires_at })
}

impl FreshLink {
    /// Sends the link where mail can be sent, and else has it shown once to its maker.
    pub(crate) async fn hand_over(
        self,
        store: &Store,
        maker: Option<UserId>,
        email: &str,
        full_name: &str,
    ) -> IssuedLink {
        let shown = IssuedLink {
            kind: self.kind,
            url: Some(self.url.clone()),
            mailed_to: None,
            expires_at: self.expires_at,
        };
        if let Some(mailer) = store.mailer() {
            match mailer.send(self.letter(email, full_name)).await {
                Ok(()) => {
                    return IssuedLink { url: None, mailed_to: Some(email.to_owned()), ..shown };
                }
                Err(error) => tracing::warn!(%error, "a link could not be mailed; it is shown instead"),
            }
        }
        if let Some(maker) = maker {
            show_once::put(store, Shown::Link, maker, self.user_id, &shown).await;
        }
        shown
    }

    /// The letter that brings it.
    pub(crate) fn letter(&self, email: &str, full_name: &str) -> Letter {
        let (subject, sentence, good_for) = match self.kind {
            LinkKind::Invitation => (
                "Your invitation to Reeve",
                "You have been invited to Reeve. Open this address to choose your password:",
                "three days",
            ),
            LinkKind::Reset => (
                "Choose another password for Reeve",
                "Somebody asked for a link to choose another password for your account. Open this address to choose \
                 one:",
                "an hour",
            ),
        };
        Letter {
            to: email.to_owned(),
            subject: subject.to_owned(),
            text: format!(
                "Hello {full_name},\n\n{sentence}\n\n{}\n\nIt works once, within {good_for}. If you did not expect \
                 this letter, do nothing.\n",
                self.url
            ),
        }
    }
}

/// The link that the caller has just made for somebody; handed out once.
///
/// # Errors
/// Not found when the person is out of reach.
pub async fn take_link(cx: &Cx, id: UserId) -> Result<Option<IssuedLink>> {
    super::view::check_view(cx)?;
    super::find(cx, id).await?;
    show_once::take(cx.store(), Shown::Link, cx.me().id, id).await
}

/// Who a link is for.
///
/// # Errors
/// Gone when it was used, is too old or never was; too many after many of those.
pub async fn link(store: &Store, visitor: &Visitor, key: &str) -> Result<LinkView> {
    if key.is_empty() {
        // Nothing was tried.
        return Err(over());
    }
    let ticket = store.throttle().enter(store.now(), &visitor.source_ip, "link")?;
    let (row, user) = find_link(store, key_of(key)).await?;
    ticket.succeeded();
    Ok(LinkView { kind: row.kind, full_name: user.full_name, email: user.email })
}

/// The key in what was pasted: the whole link, or what stands behind its `#`.
#[must_use]
pub fn key_of(pasted: &str) -> &str {
    pasted.rsplit('#').next().unwrap_or(pasted).trim()
}

async fn find_link(store: &Store, key: &str) -> Result<(user_link::Model, user::Model)> {
    let row = user_link::Entity::find()
        .filter(user_link::Column::SecretHash.eq(secret::digest(key)))
        .one(store.db())
        .await?
        .filter(|row| row.used_at.is_none() && row.expires_at > store.now())
        .ok_or_else(over)?;
    let user = user::Entity::find_by_id(row.user_id).one(store.db()).await?.ok_or_else(over)?;
    // Not switched off, and neither is their business.
    if !may_sign_in(store, &user).await? {
        return Err(over());
    }
    Ok((row, user))
}

fn over() -> Error {
    Error::gone("This link was used already or is too old. Ask for a new one.")
}

/// Uses a link: the password is the new one, every session ends, and the person signs in with it. Of many who use it at
/// the same time, one does.
///
/// # Errors
/// Gone when it was used, is too old or never was; invalid names the field.
pub async fn accept_link(store: &Store, visitor: &Visitor, input: LinkInput) -> Result<SignIn> {
    let ticket = store.throttle().enter(store.now(), &visitor.source_ip, "link")?;
    let (row, mut user) = find_link(store, key_of(&input.key)).await?;
    ticket.succeeded();
    crate::access::check_new_password(store, "password", &input.password, (&user).into()).await?;
    let hash = hash_password(store, &input.password).await?;
    let change = store.begin().await?;
    let used = user_link::Entity::update_many()
        .col_expr(user_link::Column::UsedAt, Expr::value(store.now()))
        .filter(user_link::Column::Id.eq(row.id))
        .filter(user_link::Column::UsedAt.is_null())
        .filter(user_link::Column::ExpiresAt.gt(store.now()))
        .exec(&*change)
        .await?;
    if used.rows_affected != 1 {
        return Err(over());
    }
    let is_first = user.password_hash == NO_PASSWORD;
    let changed = user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(hash.as_str()))
        .col_expr(user::Column::MustChangePassword, Expr::value(false))
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::IsActive.eq(true))
        .exec(&*change)
        .await?;
    if changed.rows_affected != 1 {
        return Err(over());
    }
    end_sessions(store, &change, user.id, None).await?;
    let (action, summary) = if is_first {
        ("account.accept_invitation", "Accepted the invitation and chose a password")
    } else {
        ("account.reset_password", "Chose another password through a link")
    };
    change.commit(&Actor::arriving(visitor, &user), user.business_id, Record::new(action, summary)).await?;
    user.password_hash = hash;
    crate::access::arrive(store, visitor, &user, SignedInWith::Password).await
}
