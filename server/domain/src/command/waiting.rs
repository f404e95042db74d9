//! How much one person may have waiting for others to decide: who is asked a hundred times a minute reads nothing any more.

use crate::{
    Cx, Error, Result,
    store::{Reach, keyset},
};
use entity::{command::RequestState, table::command_request as request};
use sea_orm::{ColumnTrait as _, QueryFilter as _};

/// Requests of one person that wait for people, before they may ask for more.
const WAITING_MAX: u64 = 200;

/// May they ask others for something more?
///
/// # Errors
/// Conflict when too much of theirs waits already.
pub(super) async fn check(cx: &Cx) -> Result<()> {
    let waiting = Reach::everything()
        .select::<request::Entity>()
        .filter(request::Column::State.eq(RequestState::Awaiting))
        .filter(request::Column::RequestedBy.eq(cx.me().id));
    if keyset::total(cx.store().db(), waiting).await? < WAITING_MAX {
        return Ok(());
    }
    let detail = format!(
        "{WAITING_MAX} requests of yours wait for people already. Take back what is not needed any more, or wait."
    );
    Err(Error::conflict(None, detail))
}
