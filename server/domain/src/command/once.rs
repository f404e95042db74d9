//! Asking once: whoever asks over a network that lost the answer asks again with the same key, and gets what the first time
//! made. A key belongs to who asks, and to what was asked with it.

use super::create::Made;
use crate::{Cx, Error, Result, store::Reach};
use entity::{
    id::{BusinessId, CommandRequestId, UserId},
    seal,
    table::{command, command_request as request},
};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use serde::Serialize;

/// The header that a program names its question with.
pub const KEY_HEADER: &str = "Idempotency-Key";

/// A key with what is asked by it.
#[derive(Clone, Debug)]
pub(super) struct Once {
    pub(super) key: String,
    pub(super) sha256: String,
}

impl Once {
    /// For a question, if it has a key.
    pub(super) fn of(key: Option<String>, asked: &impl Serialize) -> Result<Option<Self>> {
        let Some(key) = key else { return Ok(None) };
        let bytes = serde_json::to_vec(asked).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Some(Self { key, sha256: seal::sha256(&bytes) }))
    }

    /// What was made with it for a business before.
    ///
    /// # Errors
    /// Conflict when something else was asked with it.
    pub(super) async fn made(&self, cx: &Cx, business: BusinessId) -> Result<Option<Made>> {
        let store = cx.store();
        let me: UserId = cx.me().id;
        let row = Reach::of(business)
            .select::<request::Entity>()
            .filter(request::Column::RequestedBy.eq(me))
            .filter(request::Column::AskKey.eq(self.key.as_str()))
            .one(store.db())
            .await?;
        let Some(row) = row else { return Ok(None) };
        if row.ask_sha256.as_deref() != Some(self.sha256.as_str()) {
            let detail =
                "Something else was asked with this key before. Use another key for another question.";
            return Err(Error::conflict(Some(KEY_HEADER), detail));
        }
        let request: CommandRequestId = row.id;
        let commands = Reach::of(business)
            .select::<command::Entity>()
            .filter(command::Column::RequestId.eq(request))
            .order_by_asc(command::Column::Id)
            .select_only()
            .column(command::Column::Id)
            .into_tuple()
            .all(store.db())
            .await?;
        Ok(Some(Made { request, commands }))
    }
}
