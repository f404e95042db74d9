//! Requests that nobody decided in time.

use crate::{
    Result, Store,
    audit::{Actor, Record},
    command::queue,
    store::Reach,
};
use entity::{
    command::{CommandEvent, RequestState},
    table::command_request as request,
};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

/// Requests of one run; the next one takes the others.
const AT_ONCE: u64 = 100;

/// Ends what nobody decided in time. Says how many.
pub(crate) async fn expire(store: &Store) -> Result<u64> {
    let rows = Reach::everything()
        .select::<request::Entity>()
        .filter(request::Column::State.eq(RequestState::Awaiting))
        .filter(request::Column::DecideBy.lte(store.now()))
        .order_by_asc(request::Column::DecideBy)
        .limit(AT_ONCE)
        .all(store.db())
        .await?;
    let mut ended = 0;
    for row in rows {
        let change = store.begin().await?;
        // Somebody who decides right now was in time.
        if !queue::try_hold(&change, &row).await? {
            continue;
        }
        let moved = queue::decide(&change, &row, CommandEvent::Expire).await?;
        let summary = format!("Nobody decided “{}” in time", row.kind.label());
        let record = Record::new("approval.expire", summary)
            .after(serde_json::json!({ "request_id": row.id, "request_sha256": row.request_sha256 }));
        change.commit(&Actor::system("expire"), Some(row.business_id), record).await?;
        queue::announce(store, &moved);
        ended += 1;
    }
    Ok(ended)
}
