//! A forgotten password: whoever asks gets the same answer in the same time, and whom it concerns gets a letter.

use super::link::{InvitedBy, issue_link};
use crate::{
    Error, Result, Store, Visitor,
    access::may_sign_in,
    audit::{Actor, Record},
};
use chrono::Duration;
use entity::{
    input,
    session::ForgottenInput,
    table::{user, user_link},
    user::LinkKind,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QuerySelect as _};

/// Letters that one person gets within [`LETTERS_WITHIN`], however often somebody asks.
const LETTERS_MAX: u64 = 3;
const LETTERS_WITHIN: Duration = Duration::hours(1);
/// Letters on their way at the same time.
pub(crate) const UNDER_WAY_MAX: usize = 32;

/// Can people get a link by mail, without anybody's help?
#[must_use]
pub fn is_mailed(store: &Store) -> bool {
    store.mailer().is_some()
}

/// Sends a link to choose another password to whoever signs in with this address, if somebody does. What is found and
/// done happens after the answer, so that neither it nor its time says whether there is such a person.
///
/// # Errors
/// Invalid names the field when it is no address; too many after many of those from one place; unavailable when many
/// letters are under way.
pub fn ask_for_link(store: &Store, visitor: &Visitor, input: &ForgottenInput) -> Result<()> {
    let email = input::email("email", &input.email)?;
    // Never said to have succeeded: each counts.
    let _ = store.throttle().enter(store.now(), &visitor.source_ip, "forgotten")?;
    let place = store.letters_under_way().try_acquire_owned().map_err(|_| Error::unavailable(30))?;
    let (store, visitor) = (store.clone(), visitor.clone());
    tokio::spawn(async move {
        let _place = place;
        if let Err(error) = send(&store, &visitor, &email).await {
            tracing::warn!(%error, "a letter about a forgotten password was not sent");
        }
    });
    Ok(())
}

async fn send(store: &Store, visitor: &Visitor, email: &str) -> Result<()> {
    let Some(mailer) = store.mailer() else { return Ok(()) };
    let found = user::Entity::find().filter(user::Column::Email.eq(email)).one(store.db()).await?;
    let Some(user) = found else { return Ok(()) };
    if !may_sign_in(store, &user).await? {
        return Ok(());
    }
    let change = store.begin().await?;
    // Holds the row: of many at the same time, each counts the letters of those before it.
    user::Entity::find_by_id(user.id).lock_exclusive().one(&*change).await?;
    let letters = user_link::Entity::find()
        .filter(user_link::Column::UserId.eq(user.id))
        .filter(user_link::Column::CreatedBy.is_null())
        .filter(user_link::Column::CreatedAt.gt(store.now() - LETTERS_WITHIN))
        .count(&*change)
        .await?;
    if letters >= LETTERS_MAX {
        return Ok(());
    }
    let link = issue_link(store, &change, user.id, LinkKind::Reset, InvitedBy::Themselves).await?;
    let record = Record::new("account.forgotten", format!("Asked for a link by mail for {}", user.full_name));
    change.commit(&Actor::knocking(visitor), user.business_id, record).await?;
    mailer.send(link.letter(&user.email, &user.full_name)).await
}
