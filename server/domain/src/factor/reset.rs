//! For the server's operator, when somebody has lost all their factors: everything by which they could get in is taken
//! back, and a link lets them begin anew.

use super::recovery;
use crate::{
    Error, Result, SystemCx,
    access::end_sessions,
    audit::{Actor, Record},
    user::{InvitedBy, NO_PASSWORD, issue_link},
};
use entity::{
    table::{api_key, ceremony, passkey, totp_factor, user, user_identity},
    user::{IssuedLink, LinkKind, UserKind},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _,
    sea_query::{Expr, LockType},
};

/// Removes all factors of a person, their password and their sessions, and gives a link to choose another password.
/// Without the password no one who knows it can add a factor of their own before the person does.
///
/// # Errors
/// Not found when nobody has this address; conflict when they are switched off.
pub async fn reset(cx: &SystemCx, email: &str) -> Result<IssuedLink> {
    let store = cx.store();
    let change = store.begin().await?;
    let user = user::Entity::find()
        .filter(user::Column::Email.eq(email.trim().to_lowercase()))
        .filter(user::Column::Kind.eq(UserKind::Person))
        .lock(LockType::NoKeyUpdate)
        .one(&*change)
        .await?
        .ok_or_else(|| Error::not_found("person"))?;
    if !user.is_active {
        return Err(Error::conflict(None, "This person is switched off. Switch them on first."));
    }
    totp_factor::Entity::delete_by_id(user.id).exec(&*change).await?;
    passkey::Entity::delete_many().filter(passkey::Column::UserId.eq(user.id)).exec(&*change).await?;
    ceremony::Entity::delete_many().filter(ceremony::Column::UserId.eq(user.id)).exec(&*change).await?;
    recovery::remove(&change, user.id).await?;
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(NO_PASSWORD))
        .filter(user::Column::Id.eq(user.id))
        .exec(&*change)
        .await?;
    end_sessions(store, &change, user.id, None).await?;
    api_key::Entity::update_many()
        .col_expr(api_key::Column::RevokedAt, Expr::value(store.now()))
        .filter(api_key::Column::UserId.eq(user.id))
        .filter(api_key::Column::RevokedAt.is_null())
        .exec(&*change)
        .await?;
    user_identity::Entity::delete_many()
        .filter(user_identity::Column::UserId.eq(user.id))
        .exec(&*change)
        .await?;
    let link = issue_link(store, &change, user.id, LinkKind::Reset, InvitedBy::Operator).await?;
    let record = Record::new(
        "account.reset_access",
        "Took back the password, second factors, sessions, API keys and sign-in by providers",
    );
    change.commit(&Actor::system(cx.job()), user.business_id, record.after(&user.email)).await?;
    Ok(link.hand_over(store, None, &user.email, &user.full_name).await)
}
