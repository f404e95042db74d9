//! Systems on which this agent cannot look after services yet.

use super::machine::Seen;
use std::{
    collections::BTreeMap,
    future::{Ready, ready},
    io,
};

/// No service manager.
#[derive(Clone, Debug)]
pub struct Manager;

impl Manager {
    /// The one that there is.
    #[must_use]
    pub const fn usual() -> Self {
        Self
    }

    /// Nothing is known of it.
    #[must_use]
    pub const fn stamp(&self, _: &[String]) -> Option<u64> {
        None
    }

    /// Nothing can be said.
    pub fn look(&self, _: &[String]) -> Ready<Option<BTreeMap<String, Seen>>> {
        ready(None)
    }

    /// Nothing can be done.
    ///
    /// # Errors
    /// Always.
    pub fn restart(&self, _: &str) -> Ready<io::Result<()>> {
        ready(Err(io::Error::new(io::ErrorKind::Unsupported, "services cannot be restarted here")))
    }
}
