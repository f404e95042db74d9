//! A transaction that writes. What a person did cannot be committed without its audit entry.

use crate::{
    Result,
    audit::{Actor, Record, chain},
};
use chrono::{DateTime, Utc};
use entity::id::BusinessId;
use sea_orm::DatabaseTransaction;
use std::ops::Deref;
use tokio::sync::{OwnedMutexGuard, watch};

/// A transaction that may write; rolled back when it is dropped.
pub(crate) struct Change {
    tx: DatabaseTransaction,
    now: DateTime<Utc>,
    /// Told when something was decided that may change who may see what.
    decided: Option<watch::Sender<u64>>,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Change {
    pub(crate) const fn new(
        tx: DatabaseTransaction,
        now: DateTime<Utc>,
        decided: Option<watch::Sender<u64>>,
        turn: Option<OwnedMutexGuard<()>>,
    ) -> Self {
        Self { tx, now, decided, _turn: turn }
    }

    /// When it began.
    pub(crate) const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Commits what somebody did, together with the audit entry.
    pub(crate) async fn commit(
        self,
        actor: &Actor,
        business_id: Option<BusinessId>,
        record: Record,
    ) -> Result<()> {
        chain::append(&self.tx, self.now, actor, business_id, record).await?;
        self.tx.commit().await?;
        if let Some(decided) = self.decided {
            decided.send_modify(|count| *count += 1);
        }
        Ok(())
    }

    /// Adds an audit entry beside the one that the change is committed with.
    pub(crate) async fn note(
        &self,
        actor: &Actor,
        business_id: Option<BusinessId>,
        record: Record,
    ) -> Result<()> {
        chain::append(&self.tx, self.now, actor, business_id, record).await
    }

    /// Commits what nobody did: an agent's report, a job, or bookkeeping about a session.
    pub(crate) async fn commit_unattended(self) -> Result<()> {
        Ok(self.tx.commit().await?)
    }
}

impl Deref for Change {
    type Target = DatabaseTransaction;
    fn deref(&self) -> &Self::Target {
        &self.tx
    }
}
