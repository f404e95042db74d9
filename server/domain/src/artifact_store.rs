//! Where the files of releases lie: named by their SHA-256, written in one go, never changed. A folder or a bucket;
//! whoever can write there can make nothing runnable, because devices ask the signed manifest what a file has to be.

use async_trait::async_trait;
use bytes::Bytes;
use entity::{
    problem::{Problem, ProblemCode},
    release::Sha256Hex,
};
use futures::stream::BoxStream;
use std::ops::Range;

/// Seconds until somebody may come back when the store did not do what it was asked.
const RETRY_AFTER_SECONDS: u32 = 30;

/// What went wrong with the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// There is no room.
    #[error("there is no room left where the files of releases are kept")]
    Full,
    /// There is no such file.
    #[error("the file is not where the files of releases are kept")]
    Missing,
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// A file as it is read.
pub type ArtifactBytes = BoxStream<'static, Result<Bytes, StoreFault>>;

/// Implemented by whoever keeps the files.
#[async_trait]
pub trait ArtifactStore: Send + Sync {
    /// Begins a file. Nobody sees it before it is finished.
    async fn put(&self, sha256: &Sha256Hex) -> Result<Box<dyn ArtifactWriter>, StoreFault>;

    /// Reads a part of a file.
    async fn get(&self, sha256: &Sha256Hex, range: Range<u64>) -> Result<ArtifactBytes, StoreFault>;

    /// How many bytes a file has; `None`: it is not there.
    async fn size(&self, sha256: &Sha256Hex) -> Result<Option<u64>, StoreFault>;

    /// Where it is, for people; nothing secret.
    fn place(&self) -> String;
}

/// A file that is being written. Dropped before it is finished, nothing of it is left.
#[async_trait]
pub trait ArtifactWriter: Send {
    /// Writes what comes next.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreFault>;

    /// The file is whole: from here on it is there, and survives a power cut.
    async fn finish(self: Box<Self>) -> Result<(), StoreFault>;
}

impl From<StoreFault> for crate::Error {
    fn from(fault: StoreFault) -> Self {
        let said = |detail: &str| {
            let problem = Problem::new(ProblemCode::Unavailable, detail);
            Problem { retry_after_seconds: Some(RETRY_AFTER_SECONDS), ..problem }.into()
        };
        match fault {
            StoreFault::Full => {
                said("There is no room left where the server keeps releases. Nothing was stored.")
            }
            StoreFault::Missing => {
                said("The server does not find this file. Somebody has to upload it again.")
            }
            StoreFault::Failed(error) => {
                tracing::error!(error, "the store of releases failed");
                said("The place where the server keeps releases does not answer. Nothing was stored.")
            }
        }
    }
}
