//! Letters to those who may decide. Nothing secret stands in them, and none of them decides anything: they lead to the
//! portal. Sent after the change and beside it: a request waits in the portal whether or not a letter arrives.

use super::{Voter, voters};
use crate::{
    Letter, Result, Store,
    command::{SERVER_NAME, payload_of},
    store::Reach,
};
use entity::{
    command::{Approver, RequestState},
    id::{BusinessId, CommandRequestId, UserId},
    table::{business, command_request as request, user},
};
use sea_orm::{ColumnTrait as _, QueryFilter as _};

/// Most letters about one thing.
const LETTERS_MAX: usize = 50;
/// Most of a reason that stands in a letter, in characters.
const REASON_SHOWN: usize = 500;

/// Writes to everybody who may approve a request that waits.
pub(crate) fn notify(store: &Store, id: CommandRequestId) {
    spawn(store, async move |store: Store| about_request(&store, id, false).await);
}

/// The same after who asked has changed it: what was said before counts no longer.
pub(crate) fn notify_of_edit(store: &Store, id: CommandRequestId) {
    spawn(store, async move |store: Store| about_request(&store, id, true).await);
}

/// Writes to everybody who may look at what one person let pass alone.
pub(super) fn notify_of_break_glass(store: &Store, id: CommandRequestId) {
    spawn(store, async move |store: Store| about_break_glass(&store, id).await);
}

/// Writes to everybody who may decide for a business, or for all, but to one.
pub(crate) fn write_to(
    store: &Store,
    business: Option<BusinessId>,
    but: UserId,
    subject: String,
    text: String,
) {
    spawn(store, async move |store: Store| {
        let people = voters(&store, business).await?;
        send(&store, people.into_iter().filter(|one| one.id != but), &subject, &text).await
    });
}

fn spawn<F>(store: &Store, work: impl FnOnce(Store) -> F + Send + 'static)
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    if store.mailer().is_none() {
        return;
    }
    let store = store.clone();
    tokio::spawn(async move {
        // Waits for its place: what has to be decided is worth a letter even when many are under way.
        let Ok(_place) = store.letters_under_way().acquire_owned().await else { return };
        if let Err(error) = work(store).await {
            tracing::warn!(%error, "letters about a request were not sent");
        }
    });
}

async fn about_request(store: &Store, id: CommandRequestId, is_changed: bool) -> Result<()> {
    let Some(row) = find(store, id).await? else { return Ok(()) };
    if row.state != RequestState::Awaiting {
        return Ok(());
    }
    let people = voters(store, Some(row.business_id)).await?.into_iter().filter(|one| {
        one.id != row.requested_by && (row.approver != Approver::Business || one.is_of_business)
    });
    let who = if row.requested_by == UserId::SERVER {
        SERVER_NAME.to_owned()
    } else {
        name(store, row.requested_by).await?
    };
    let place = business_name(store, row.business_id).await?;
    let what = payload_of(&row)?.sentence();
    let reason = row.reason.as_deref().unwrap_or("No reason was given.");
    let reason: String = reason.chars().take(REASON_SHOWN).collect();
    let asks = if is_changed {
        format!(
            "{who} has changed what waits for approval at {place}. What was said about it before counts no longer."
        )
    } else {
        format!("{who} asks for approval at {place}.")
    };
    let text = format!(
        "{asks}\n\nWhat:    {what}\nWhere:   {}\nWhy:     {reason}\nUntil:   {} UTC\n\n\
         Read exactly what will run, and decide here:\n\n{}/approvals/{}\n\nNothing happens until enough people have \
         approved it, and the device's own lock holds all the same.\n",
        devices(row.targets_count),
        row.decide_by.min(row.deliver_by).format("%Y-%m-%d %H:%M"),
        store.public_url(),
        row.id,
    );
    let changed = if is_changed { "Changed, approval" } else { "Approval" };
    send(store, people, &format!("{changed} needed at {place}: {}", row.kind.label()), &text).await
}

async fn about_break_glass(store: &Store, id: CommandRequestId) -> Result<()> {
    let Some(row) = find(store, id).await? else { return Ok(()) };
    let Some(by) = row.break_glass_by else { return Ok(()) };
    let people = voters(store, Some(row.business_id)).await?;
    let people = people.into_iter().filter(|one| one.id != by && one.id != row.requested_by);
    let (who, place) = (name(store, by).await?, business_name(store, row.business_id).await?);
    let what = payload_of(&row)?.sentence();
    let reason: String = row.break_glass_reason.unwrap_or_default().chars().take(REASON_SHOWN).collect();
    let text = format!(
        "{who} alone let something pass at {place}, as an emergency.\n\nWhat:    {what}\nWhere:   {}\nWhy:     \
         {reason}\n\nIt stays open until somebody else has looked at it:\n\n{}/approvals/{}\n",
        devices(row.targets_count),
        store.public_url(),
        row.id,
    );
    send(store, people, &format!("To be looked at: emergency approval at {place}"), &text).await
}

fn devices(count: i64) -> String {
    if count == 1 { "1 device".to_owned() } else { format!("{count} devices") }
}

async fn send(store: &Store, people: impl Iterator<Item = Voter>, subject: &str, text: &str) -> Result<()> {
    let Some(mailer) = store.mailer() else { return Ok(()) };
    for person in people.take(LETTERS_MAX) {
        let letter = Letter {
            to: person.email,
            subject: subject.to_owned(),
            text: format!("Hello {},\n\n{text}", person.full_name),
        };
        // One mailbox that is not there keeps nobody else from their letter.
        if let Err(error) = mailer.send(letter).await {
            tracing::warn!(%error, "a letter about a request was not sent");
        }
    }
    Ok(())
}

async fn find(store: &Store, id: CommandRequestId) -> Result<Option<request::Model>> {
    let select = Reach::everything().select::<request::Entity>().filter(request::Column::Id.eq(id));
    Ok(select.one(store.db()).await?)
}

async fn name(store: &Store, id: UserId) -> Result<String> {
    let found = Reach::everything().select::<user::Entity>().filter(user::Column::Id.eq(id));
    Ok(found.one(store.db()).await?.map_or_else(|| "Somebody".to_owned(), |row| row.full_name))
}

async fn business_name(store: &Store, id: BusinessId) -> Result<String> {
    let found = Reach::of(id).select::<business::Entity>().filter(business::Column::Id.eq(id));
    Ok(found.one(store.db()).await?.map_or_else(String::new, |row| row.business_name))
}
