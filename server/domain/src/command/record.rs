//! A device's own record of commands, entry by entry, for people: what came, what was refused, begun and ended there.

use crate::{
    Cx, Error, Result, device,
    store::{decode_cursor, encode_cursor, keyset::limit_of},
};
use entity::{
    evidence::{RecordEntryView, RecordQuery},
    id::DeviceId,
    page::Page,
    table::{chain_entry, chain_head},
};
use sea_orm::{ColumnTrait as _, Condition, QueryFilter as _, QueryOrder as _, QuerySelect as _};

/// The entries of a device's record, newest first; those of a record that it told before come after those of the one that
/// it tells now.
///
/// # Errors
/// Not found when the device is out of reach; invalid names the field of the query.
pub async fn entries(cx: &Cx, id: DeviceId, query: &RecordQuery) -> Result<Page<RecordEntryView>> {
    device::find(cx, id).await?;
    let limit = limit_of(query.limit)?;
    let mut select = cx.select::<chain_entry::Entity>().filter(chain_entry::Column::DeviceId.eq(id));
    if let Some(cursor) = query.cursor.as_deref() {
        let (fork, seq) = decode_cursor::<(i64, i64)>(cursor)?;
        let before =
            Condition::all().add(chain_entry::Column::Fork.eq(fork)).add(chain_entry::Column::Seq.lt(seq));
        select = select.filter(Condition::any().add(chain_entry::Column::Fork.lt(fork)).add(before));
    }
    let mut rows = select
        .order_by_desc(chain_entry::Column::Fork)
        .order_by_desc(chain_entry::Column::Seq)
        .limit(u64::from(limit) + 1)
        .all(cx.db())
        .await?;
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().filter(|_| has_more).map(|row| (row.fork, row.seq));
    let next_cursor = last.map(|place| encode_cursor(&place)).transpose()?;
    let head = cx.select::<chain_head::Entity>().filter(chain_head::Column::DeviceId.eq(id));
    let newest = head.one(cx.db()).await?.map_or(0, |head| head.fork);
    let items = rows.into_iter().map(|row| {
        let entry = serde_json::from_str(&row.entry)
            .map_err(|error| Error::Internal(format!("stored entry of a record: {error}")))?;
        Ok(RecordEntryView { entry, received_at: row.received_at, is_former: row.fork < newest })
    });
    Ok(Page { items: items.collect::<Result<_>>()?, next_cursor, total: None })
}
