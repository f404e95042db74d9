//! One message on the bus: who says it, when, and the how-manieth it is. Opened only if it was closed with the keys of
//! this database, and believed only once and for a minute.

use super::{Hint, MESSAGE_BYTES_MAX, place};
use crate::{Error, Result, Store};
use entity::id::NodeId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The form of a message. Another one lives under another subject and seal.
pub(crate) const VERSION: u16 = 1;
/// Hints of one message.
pub(super) const HINTS_MAX: usize = 64;
/// How far the clocks of two servers may be apart, and how old a message may be, in milliseconds.
const AGE_MAX: i64 = 60_000;

/// A message.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Message {
    /// Who says it.
    pub(super) node: NodeId,
    /// Goes up by one with each message of a process; a missing number is a missed message.
    pub(super) number: u64,
    /// When it was said, in milliseconds since 1970.
    pub(super) at: i64,
    /// What is said. Read one by one: a newer version may say what this one does not know.
    pub(super) hints: Vec<Value>,
}

impl Message {
    /// As it is sealed.
    pub(super) fn bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::Internal(format!("a message for the bus: {error}")))
    }

    /// What is said, as far as this version knows it.
    pub(super) fn hints(self) -> impl Iterator<Item = Hint> {
        self.hints.into_iter().take(HINTS_MAX).filter_map(|hint| serde_json::from_value(hint).ok())
    }
}

/// Opens a message. `None` for what is not one of this database, or not of this minute.
pub(super) fn open(store: &Store, sealed: &[u8]) -> Option<Message> {
    if sealed.len() > MESSAGE_BYTES_MAX {
        return None;
    }
    let sealed = std::str::from_utf8(sealed).ok()?;
    let bytes = store.seal().open(&place(store.cluster()), sealed).ok()?;
    let message: Message = serde_json::from_slice(&bytes).ok()?;
    let age = store.now().timestamp_millis().checked_sub(message.at)?;
    (age.abs() <= AGE_MAX).then_some(message)
}
