//! Backup, restore and the move from one database to another: every row of every table that the catalogue knows, and
//! the keys without which sealed secrets and agents' tokens are lost.
//!
//! Rows are carried by one copier between two databases of the same schema, whichever engine they are of. A backup
//! keeps them in a file of the embedded database, so that a backup of either engine is restored to either.

mod archive;
mod binary;
mod catalogue;
mod copier;
mod database;
mod manifest;
mod note;
mod place;
mod postgres;
mod progress;
mod restore;
mod schema;
mod sqlite;
mod staging;
mod take;
#[cfg(test)]
mod tests;
mod transfer;
mod value;

pub use database::{Engine, TableDigest};
pub use manifest::{AuditState, Manifest, Member};
pub use progress::{Progress, Watch};
pub use restore::{Origin, Restored, Target, check, restore};
pub use take::{Destination, Source, Taken, take};
pub use transfer::{Transferred, transfer};

use crate::Error;

/// What went wrong, in a sentence for the person at the terminal.
fn failed(what: impl Into<String>) -> Error {
    Error::Internal(what.into())
}
