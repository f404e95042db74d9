//! Forgets errors that nobody has reported for long.

use crate::{Result, Store};
use chrono::Duration;
use entity::table::error_report;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

/// An error that was not reported for so long is forgotten.
const KEPT: Duration = Duration::days(90);

/// Forgets; says how many.
pub(crate) async fn forget_old(store: &Store) -> Result<u64> {
    let change = store.begin().await?;
    let gone = error_report::Entity::delete_many()
        .filter(error_report::Column::LastAt.lt(store.now() - KEPT))
        .exec(&*change)
        .await?;
    change.commit_unattended().await?;
    Ok(gone.rows_affected)
}
