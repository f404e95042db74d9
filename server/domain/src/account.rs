//! What everybody may do with their own account.

use crate::{
    Cx, Error, Result,
    access::{Chooser, check_new_password, end_sessions, hash_password, verify_password},
    audit::Record,
    store::keyset::{self, Order},
    user::end_links,
};
use entity::{
    id::SessionId,
    input,
    page::Page,
    problem::Problem,
    session::{PasswordInput, SessionQuery, SessionView},
    table::{session, user},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

/// Replaces one's own password and ends all one's other sessions.
///
/// # Errors
/// Invalid names the field: the current password is wrong, or the new one is too short or the same.
pub async fn change_password(cx: &Cx, passwords: PasswordInput) -> Result<()> {
    let (store, me) = (cx.store(), cx.me());
    let session = cx.session_id()?;
    let ticket = store.throttle().enter_session(store.now(), session)?;
    let chooser = Chooser { email: &me.email, full_name: &me.full_name };
    check_new_password(store, "new_password", &passwords.new_password, chooser).await?;
    if passwords.new_password == passwords.current_password {
        return Err(Problem::invalid("new_password", "Choose another password than the present one.").into());
    }
    let row = user::Entity::find_by_id(me.id).one(store.db()).await?.ok_or_else(Error::signed_out)?;
    if passwords.current_password.len() > input::PASSWORD_MAX
        || !verify_password(store, &passwords.current_password, Some(row.password_hash)).await?
    {
        return Err(Problem::invalid("current_password", "This is not your present password.").into());
    }
    ticket.succeeded();
    let hash = hash_password(store, &passwords.new_password).await?;
    let permit = cx.permit_self()?;
    let change = permit.begin().await?;
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(hash))
        .col_expr(user::Column::MustChangePassword, Expr::value(false))
        .filter(user::Column::Id.eq(me.id))
        .exec(&*change)
        .await?;
    end_sessions(store, &change, me.id, Some(session)).await?;
    end_links(store, &change, me.id).await?;
    permit.commit(change, Record::new("account.change_password", "Changed their own password")).await
}

/// One page of one's own sessions that are still good, newest first.
///
/// # Errors
/// Forbidden for an API key; invalid names the field of the query.
pub async fn sessions(cx: &Cx, query: &SessionQuery) -> Result<Page<SessionView>> {
    let current = cx.session_id()?;
    let select = session::Entity::find()
        .filter(session::Column::UserId.eq(cx.me().id))
        .filter(session::Column::EndedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(cx.store().now()));
    let order = Order::newest("sessions.newest");
    let slice = keyset::page(cx.store().db(), select, order, query.cursor.as_deref(), query.limit).await?;
    let items = slice.rows.into_iter().map(|row| SessionView {
        is_current: row.id == current,
        signed_in_with: row.signed_in_with,
        id: row.id,
        user_agent: row.user_agent,
        source_ip: row.source_ip,
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
    });
    Ok(Page { items: items.collect(), next_cursor: slice.next_cursor, total: None })
}

/// Ends one of one's own sessions.
///
/// # Errors
/// Not found when it is not one's own or over already.
pub async fn end_session(cx: &Cx, id: SessionId) -> Result<()> {
    let permit = cx.permit_self()?;
    let change = permit.begin().await?;
    let ended = session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(cx.store().now()))
        .filter(session::Column::Id.eq(id))
        .filter(session::Column::UserId.eq(cx.me().id))
        .filter(session::Column::EndedAt.is_null())
        .exec(&*change)
        .await?;
    if ended.rows_affected == 0 {
        return Err(Error::not_found("session"));
    }
    permit.commit(change, Record::new("account.end_session", "Ended one of their own sessions")).await
}

/// Ends all one's own sessions but the one that asks.
///
/// # Errors
/// Forbidden for an API key.
pub async fn end_other_sessions(cx: &Cx) -> Result<()> {
    let session = cx.session_id()?;
    let permit = cx.permit_self()?;
    let change = permit.begin().await?;
    end_sessions(cx.store(), &change, cx.me().id, Some(session)).await?;
    permit.commit(change, Record::new("account.end_other_sessions", "Ended all their other sessions")).await
}
