//! A transaction that writes. A person's change cannot be committed without its audit entry.

use crate::{Cx, Result};
use entity::{
    id::{AuditEntryId, BusinessId, DeviceId},
    table::audit_entry,
};
use sea_orm::{ActiveModelTrait as _, DatabaseTransaction, Set};
use std::ops::Deref;
use tokio::sync::OwnedMutexGuard;

/// A transaction that may write; rolled back when it is dropped.
pub(crate) struct Change {
    tx: DatabaseTransaction,
    _turn: Option<OwnedMutexGuard<()>>,
}

/// What a person did, for the audit log.
pub(crate) struct Audit {
    /// Whose row was changed; absent for the MSP's own.
    pub(crate) business_id: Option<BusinessId>,
    /// Which device, when it was one.
    pub(crate) device_id: Option<DeviceId>,
    /// Stable word such as `device.revoke`.
    pub(crate) action: &'static str,
    /// A sentence for people.
    pub(crate) summary: String,
}

impl Change {
    pub(crate) const fn new(tx: DatabaseTransaction, turn: Option<OwnedMutexGuard<()>>) -> Self {
        Self { tx, _turn: turn }
    }

    /// Commits what a person did, together with the audit entry.
    pub(crate) async fn commit(self, cx: &Cx, audit: Audit) -> Result<()> {
        audit_entry::ActiveModel {
            id: Set(AuditEntryId::generate()),
            at: Set(cx.store().now()),
            actor_id: Set(Some(cx.me().id)),
            actor_name: Set(cx.me().full_name.clone()),
            source_ip: Set(cx.source_ip().to_owned()),
            business_id: Set(audit.business_id),
            device_id: Set(audit.device_id),
            action: Set(audit.action.to_owned()),
            summary: Set(audit.summary),
        }
        .insert(&self.tx)
        .await?;
        Ok(self.tx.commit().await?)
    }

    /// Commits what no person did: an agent's report, a job, or signing in, which leaves its own row.
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
