//! Rows into the chunks of a device, within one change: late and repeated rows find those that are there already.

use super::{
    merge::{divided, in_order, placed},
    sample::{HOUR, Row, Tier, around},
    shelf::{self, Shelved},
};
use crate::{Error, Result, store::Change};
use std::ops::Range;

/// Chunks of a device cannot be read, so nothing can be added to them. `reeve verify` names them.
pub(super) fn unreadable(device_key: i64, error: &chunk::DecodeError) -> Error {
    Error::Internal(format!(
        "a stored chunk of samples of device number {device_key} cannot be read: {error}"
    ))
}

/// Merges rows into the chunks of a device, which is locked. What was there first stays. Says how many chunks were
/// written.
pub(super) async fn fold(change: &Change, device_key: i64, rows: Vec<Row>) -> Result<usize> {
    let rows = in_order(rows);
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(0) };
    let whole = around(first.at, HOUR).start..around(last.at, HOUR).end;
    let (covered, settled) = shelf::covered(&**change, device_key, Tier::Raw, whole).await?;
    let mut written = 0;
    for (place, new) in placed(&covered, &rows) {
        let known = covered.binary_search_by_key(&place.start, |covered| covered.start).ok();
        let mut rows = match known {
            Some(_) => {
                let chunks = shelf::read(&**change, device_key, Tier::Raw, place.clone()).await?;
                decoded(device_key, &chunks)?
            }
            None => Vec::new(),
        };
        rows.extend(new);
        let is_settled = known.is_some_and(|index| settled[index]);
        written += replace(change, device_key, place, is_settled, &in_order(rows)).await?;
    }
    Ok(written)
}

/// Puts all chunks of a day into one, or as few as can be. Says how many rows there are.
pub(super) async fn settle(change: &Change, device_key: i64, day: Range<i64>) -> Result<usize> {
    let chunks = shelf::read(&**change, device_key, Tier::Raw, day.clone()).await?;
    let rows = in_order(decoded(device_key, &chunks)?);
    if !rows.is_empty() {
        replace(change, device_key, day, true, &rows).await?;
    }
    Ok(rows.len())
}

/// The rows of chunks, one chunk behind the other.
pub(super) fn decoded(device_key: i64, chunks: &[Shelved]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for chunk in chunks {
        let read = chunk::decode(Tier::Raw.number(), &chunk.payload);
        rows.append(&mut read.map_err(|error| unreadable(device_key, &error))?);
    }
    Ok(rows)
}

/// Writes rows in the place of whatever chunks begin in this range.
async fn replace(
    change: &Change,
    device_key: i64,
    place: Range<i64>,
    is_settled: bool,
    rows: &[Row],
) -> Result<usize> {
    shelf::remove(change, device_key, Tier::Raw, place.clone()).await?;
    let parts = divided(place, rows);
    let count = parts.len();
    for (place, rows) in parts {
        let payload =
            chunk::encode(Tier::Raw.number(), rows).map_err(|error| Error::Internal(error.to_string()))?;
        let chunk = Shelved { starts_at: place.start, ends_at: place.end, payload };
        shelf::put(change, device_key, Tier::Raw, is_settled, rows.len(), chunk).await?;
    }
    Ok(count)
}
