//! Metrics behind a narrow interface: append a batch, the latest, the history. How samples are stored is nobody
//! else's business: batches as they arrive (`writer`, `commit/`), sealed into chunks of hours and days (`seal`, `fold`,
//! `shelf`), after their time rows of five minutes (`retention`, `five_minutes`).

mod aggregate;
mod append;
mod commit;
mod convert;
mod fault;
mod five_minutes;
mod fold;
mod history;
mod latest;
mod merge;
mod partition;
pub(crate) mod queue;
mod retention;
mod sample;
mod seal;
mod shelf;
#[cfg(test)]
mod tests;
mod verify;
mod walk;
mod writer;

pub use append::append;
pub use history::history;
pub(crate) use history::loads;
pub(crate) use latest::{latest, sparklines};
pub use retention::Retention;
pub use verify::{Samples, verify_database};
pub(crate) use writer::Writer;

use crate::{Result, Store};

/// Seals what has arrived, and puts days that are over in order; before that, what is left from before there were
/// chunks. Says how many batches, rows and days.
pub(crate) async fn seal(store: &Store) -> Result<u64> {
    // What is written into no partition of its own has to be moved later.
    if store.writer().begins_day(sample::around(store.now().timestamp_millis(), sample::DAY).start) {
        partition::keep(store).await?;
    }
    let converted = convert::convert(store).await?;
    let sealed = seal::seal(store).await?;
    Ok(converted + sealed + seal::settle_days(store).await?)
}

/// Holds retention, and on PostgreSQL the partitions. Says how much was changed.
pub(crate) async fn retain(store: &Store) -> Result<u64> {
    // Before and after: room for what is about to be made, and none for what is gone.
    let made = partition::keep(store).await?;
    let changed = retention::retain(store).await?;
    Ok(made + changed + partition::keep(store).await?)
}
