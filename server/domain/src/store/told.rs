//! What a store is told once it is open: who holds the sockets, sends the mail, keeps the files, and for how long.

use super::Store;
use crate::{
    Courier, Error, Mailer, Result, Web, access::BreachedList, artifact_store::ArtifactStore,
    metric::Retention, release::Freshness,
};
use std::{path::Path, sync::Arc};

impl Store {
    /// Says who holds the agents' sockets. The first to say so wins.
    pub fn set_courier(&self, courier: Arc<dyn Courier>) {
        // A second courier would be a programming error that loses only a nudge.
        let _ = self.0.courier.set(courier);
    }

    /// Says who sends mail; without, links are shown to those who make them. The first to say so wins.
    pub fn set_mailer(&self, mailer: Arc<dyn Mailer>) {
        let _ = self.0.mailer.set(self.0.telemetry.counting(mailer));
    }

    /// Says who reaches other servers. The first to say so wins.
    pub fn set_web(&self, web: Arc<dyn Web>) {
        let _ = self.0.web.set(web);
    }

    /// Says where the files of releases lie. The first to say so wins.
    pub fn set_artifacts(&self, artifacts: Arc<dyn ArtifactStore>) {
        let _ = self.0.artifacts.set(artifacts);
    }

    /// Says how long samples are kept. The first to say so wins.
    pub fn set_retention(&self, retention: Retention) {
        let _ = self.0.retention.set(retention);
    }

    /// Says how many days log entries are kept. The first to say so wins.
    pub fn set_logs_kept_days(&self, days: u32) {
        let _ = self.0.logs_kept_days.set(days);
    }

    /// Names a file of stolen passwords that nobody may choose, in the format of Pwned Passwords ordered by hash. The
    /// first to say so wins.
    ///
    /// # Errors
    /// When the file cannot be read or is none of that kind.
    pub fn set_breached_list(&self, file: &Path) -> Result<()> {
        let list = BreachedList::open(file)?;
        let _ = self.0.breached.set(Arc::new(list));
        Ok(())
    }

    /// Signs that a manifest is still what is meant, and that an agent was heard.
    pub(crate) fn freshness(&self) -> &Freshness {
        &self.0.freshness
    }

    /// Where the files of releases lie.
    pub(crate) fn artifacts(&self) -> Result<&Arc<dyn ArtifactStore>> {
        let missing = || Error::Internal("nobody said where the files of releases lie".to_owned());
        self.0.artifacts.get().ok_or_else(missing)
    }
}
