//! Step-up: proof that the person themselves asked for this, in the last minutes.

use super::{Credential, verify_password};
use crate::{Cx, Error, Result, audit::Record, factor};
use chrono::Duration;
use entity::{
    problem::Problem,
    table::{session, user},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};
use std::ops::Deref;

/// How long a proof is good.
const GOOD_FOR: Duration = Duration::minutes(5);

/// A person who proved who they are in the last five minutes. Verbs that a stolen session must not be enough for take
/// this instead of a [`Cx`]; made by [`Cx::confirmed`] alone.
#[derive(Clone, Copy)]
pub struct Confirmed<'a>(&'a Cx);

impl<'a> Confirmed<'a> {
    pub(super) fn of(cx: &'a Cx) -> Result<Self> {
        match cx.credential() {
            Credential::ApiKey(_) => {
                Err(Error::forbidden("An API key cannot do this: a person has to, in the portal."))
            }
            Credential::Session { confirmed_at, .. } if confirmed_at + GOOD_FOR > cx.store().now() => {
                Ok(Self(cx))
            }
            Credential::Session { .. } => Err(Error::confirm_identity()),
        }
    }
}

impl Deref for Confirmed<'_> {
    type Target = Cx;
    fn deref(&self) -> &Cx {
        self.0
    }
}

/// Proves with the password that it is still the same person; for those without a second factor, whose factor has to
/// do it otherwise.
///
/// # Errors
/// Invalid names the field; too many after many failures.
pub async fn confirm_with_password(cx: &Cx, password: &str) -> Result<()> {
    let (store, me) = (cx.store(), cx.me());
    let session = cx.session_id()?;
    if factor::has_any(store, me.id).await? {
        return Err(Problem::invalid("password", "Confirm with your second factor instead.").into());
    }
    let ticket = store.throttle().enter_session(store.now(), session)?;
    let row = user::Entity::find_by_id(me.id).one(store.db()).await?.ok_or_else(Error::signed_out)?;
    if password.len() > entity::input::PASSWORD_MAX
        || !verify_password(store, password, Some(row.password_hash)).await?
    {
        return Err(Problem::invalid("password", "This is not your password.").into());
    }
    ticket.succeeded();
    note_confirmed(cx, "password").await
}

/// Writes down that the person of this session has just proved who they are, and by what.
pub(crate) async fn note_confirmed(cx: &Cx, by: &str) -> Result<()> {
    let permit = cx.permit_self()?;
    let change = permit.begin().await?;
    session::Entity::update_many()
        .col_expr(session::Column::ConfirmedAt, Expr::value(cx.store().now()))
        .filter(session::Column::Id.eq(cx.session_id()?))
        .exec(&*change)
        .await?;
    permit.commit(change, Record::new("account.confirm", format!("Confirmed who they are: {by}"))).await
}
