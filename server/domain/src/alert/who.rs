//! Who did something about an alert, by name.

use crate::{Cx, Result};
use entity::{
    id::UserId,
    table::{alert, user},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use std::collections::HashMap;

/// The names of who did something about these alerts. By the store: a customer sees who of the MSP looks after their
/// device, as in the activity, though not what else there is of them.
pub(super) async fn people(cx: &Cx, rows: &[alert::Model]) -> Result<HashMap<UserId, String>> {
    let ids: Vec<UserId> =
        rows.iter().flat_map(|row| [row.acknowledged_by, row.resolved_by]).flatten().collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(UserId, String)> = user::Entity::find()
        .filter(user::Column::Id.is_in(ids))
        .select_only()
        .columns([user::Column::Id, user::Column::FullName])
        .into_tuple()
        .all(cx.store().db())
        .await?;
    Ok(found.into_iter().collect())
}
