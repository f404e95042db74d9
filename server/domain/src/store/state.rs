//! What the server keeps about itself: a value under a name, for all processes of a database.

use crate::Result;
use entity::table::server_state;
use sea_orm::{ConnectionTrait, EntityTrait as _, Set, sea_query::OnConflict};

/// Keeps a value under a name, in place of the one that was there.
pub(crate) async fn keep(db: &impl ConnectionTrait, name: &str, value: &str) -> Result<()> {
    let row = server_state::ActiveModel { name: Set(name.to_owned()), value: Set(value.to_owned()) };
    server_state::Entity::insert(row)
        .on_conflict(
            OnConflict::column(server_state::Column::Name)
                .update_column(server_state::Column::Value)
                .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    Ok(())
}
