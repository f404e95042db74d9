//! Lock one: what people say about requests, and what follows from it. Whether it is enough is asked of
//! [`entity::command::verdict`] alone, here when somebody says yes and again when a device fetches it.

mod break_glass;
mod decide;
mod expire;
mod letter;
mod list;
mod power;
mod void;

pub use break_glass::{break_glass, review, review_of};
pub use decide::{approve, reject, revoke};
pub(crate) use expire::expire;
pub(crate) use letter::{notify, notify_of_edit, write_to};
pub use list::{get, list, waiting_count};
pub(crate) use power::{Voter, voters};
pub(crate) use void::{void_all, void_tightened};

use crate::{Cx, Error, Result};
use entity::{id::CommandRequestId, table::command_request as request};
use sea_orm::{ColumnTrait as _, QueryFilter as _};

/// The row, if it is within reach.
pub(crate) async fn find(cx: &Cx, id: CommandRequestId) -> Result<request::Model> {
    cx.select::<request::Entity>()
        .filter(request::Column::Id.eq(id))
        .one(cx.db())
        .await?
        .ok_or_else(|| Error::not_found("request"))
}
