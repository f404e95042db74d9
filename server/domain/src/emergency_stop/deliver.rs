//! What a device is told about stops: the last decision about its business and the last one about all, signed anew each
//! time, because what was signed long ago is opened by nobody.

use super::{last, order_of};
use crate::{AgentCx, Result};
use entity::command::Envelope;

/// Stops, and ends of stops, that are about this device; and a number that is another one when they are others.
///
/// # Errors
/// When the database fails, or no key may sign now.
pub async fn of_device(cx: &AgentCx) -> Result<(u64, Vec<Envelope>)> {
    let store = cx.store();
    let (mut newest, mut envelopes) = (0, Vec::new());
    for whose in [None, Some(cx.business_id())] {
        let Some(row) = last(store.db(), whose).await? else { continue };
        let order = order_of(store, &row);
        newest = newest.max(order.seq);
        envelopes.push(store.signer().seal_stop(&order)?);
    }
    Ok((newest, envelopes))
}
