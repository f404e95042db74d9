//! A suggestion is made, in the transaction in which its alert opens; where a policy and the device's own lock let it, the
//! server asks at once.

use crate::{
    Result, Store,
    audit::{Actor, Record},
    command::{self, MadeByServer},
    report,
    store::{Change, Reach},
};
use chrono::{DateTime, Utc};
use entity::{
    command::{ApprovalPolicy, Payload, approvals_needed},
    id::{AlertId, SuggestionId},
    suggestion::{Automatic, SuggestionEvent, SuggestionState},
    table::{device, suggestion},
};
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, QueryFilter as _, QueryOrder as _, Set};

/// What an alert proposes.
pub(crate) struct Proposal {
    pub(crate) alert_id: AlertId,
    /// What went wrong on which device, as alerts call it.
    pub(crate) cause: String,
    /// A sentence for people.
    pub(crate) why: String,
    pub(crate) payload: Payload,
}

/// What was made, to be told of after the commit.
pub(crate) struct Proposed(Option<MadeByServer>);

impl Proposed {
    /// Counts it, and tells whoever has to hear of it.
    pub(crate) fn announce(&self, store: &Store) {
        store.telemetry().suggestions("made", 1);
        if let Some(made) = &self.0 {
            store.telemetry().suggestions(SuggestionState::AskedByItself.word(), 1);
            made.announce(store);
        }
    }
}

/// Proposes a command for a device, once for each alert; at most one is open of each cause. The policy is the one of the
/// device's business: it was read before the change began.
pub(crate) async fn propose(
    store: &Store,
    change: &Change,
    device: &device::Model,
    policy: &ApprovalPolicy,
    proposal: Proposal,
) -> Result<Option<Proposed>> {
    let Proposal { alert_id, cause, why, payload } = proposal;
    let now = change.now();
    let former = of_cause(&cause).one(&**change).await?;
    if former.is_some_and(|one| one.state == SuggestionState::Open || one.alert_id == alert_id) {
        return Ok(None);
    }
    let verdict = automatic(change, device, policy, &payload, &cause).await?.verdict(now);
    let (kind, json) = (payload.kind(), super::list::stored(&payload)?);
    let id = SuggestionId::generate();
    let made = match verdict {
        Some(Ok(())) => {
            let note = format!("{why} {BY_ITSELF}");
            let made = command::create_by_server(store, change, device, policy, payload, note).await?;
            let summary = format!("Asked by itself, because the approval policy lets it: {why}");
            let after = serde_json::json!({
                "suggestion_id": id, "request_id": made.request, "alert_id": alert_id, "policy_id": policy.id,
            });
            let record = Record::new("suggestion.ask_by_itself", summary).device(device.id).after(after);
            change.note(&Actor::system("alert"), Some(device.business_id), record).await?;
            Some(made)
        }
        _ => None,
    };
    let state = match &made {
        Some(_) => SuggestionState::Open.on(SuggestionEvent::AskByItself).unwrap_or(SuggestionState::Open),
        None => SuggestionState::Open,
    };
    suggestion::ActiveModel {
        id: Set(id),
        business_id: Set(device.business_id),
        device_id: Set(device.id),
        alert_id: Set(alert_id),
        cause: Set(cause),
        why: Set(why),
        kind: Set(kind),
        payload: Set(json),
        state: Set(state),
        held_back: Set(verdict.and_then(std::result::Result::err)),
        request_id: Set(made.as_ref().map(|made| made.request)),
        decided_by: Set(None),
        decided_at: Set(made.is_some().then_some(now)),
        note: Set(None),
        created_at: Set(now),
    }
    .insert(&**change)
    .await?;
    Ok(Some(Proposed(made)))
}

/// What people read as the reason of such a request.
const BY_ITSELF: &str = "The approval policy lets the server ask for this by itself.";

/// What decides whether the server asks by itself. What the lock does not keep is done by itself on a device that is armed
/// and nowhere else: its owner has to have let strangers' hands in.
async fn automatic(
    change: &Change,
    device: &device::Model,
    policy: &ApprovalPolicy,
    payload: &Payload,
    cause: &str,
) -> Result<Automatic> {
    let is_named = policy.automatic.contains(&payload.kind());
    if !is_named {
        return Ok(Automatic { is_named, device_allows: false, last_asked_at: None });
    }
    let now = change.now();
    let locks = command::lock_of(payload, approvals_needed(policy, payload, 1, 1), device, now)?;
    let is_armed = report::read_lock(device)?.is_some_and(|lock| lock.is_open(now));
    let is_suspect = device.clone_suspected_at.is_some();
    let device_allows = locks.device_allows && is_armed && !is_suspect;
    Ok(Automatic { is_named, device_allows, last_asked_at: last_asked_at(change, cause).await? })
}

async fn last_asked_at(change: &Change, cause: &str) -> Result<Option<DateTime<Utc>>> {
    let asked = of_cause(cause).filter(suggestion::Column::State.eq(SuggestionState::AskedByItself));
    Ok(asked.one(&**change).await?.map(|row| row.created_at))
}

/// The suggestions of a cause, newest first.
fn of_cause(cause: &str) -> sea_orm::Select<suggestion::Entity> {
    Reach::everything()
        .select::<suggestion::Entity>()
        .filter(suggestion::Column::Cause.eq(cause))
        .order_by_desc(suggestion::Column::Id)
}
