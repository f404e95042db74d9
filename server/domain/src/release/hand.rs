//! Who brings or changes a release: a person who has just proved who they are, or somebody at the server's own command
//! line.

use crate::{
    Confirmed, Result, Store, SystemCx,
    access::{Permit, Target},
    audit::{Actor, Record},
    store::Change,
};
use entity::{id::UserId, policy::Action, portal_event::PortalEvent};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};

/// Somebody who may.
pub(super) struct Hand<'a> {
    store: &'a Store,
    who: Who<'a>,
}

enum Who<'a> {
    Person(UserId, Permit<'a>),
    Terminal(&'static str),
}

impl<'a> Hand<'a> {
    /// A person.
    pub(super) fn of(cx: &'a Confirmed<'_>) -> Result<Self> {
        let permit = cx.permit(Action::ManageRelease, Target::Msp)?;
        Ok(Self { store: cx.store(), who: Who::Person(cx.me().id, permit) })
    }

    /// Somebody at the command line.
    pub(super) fn at_terminal(cx: &'a SystemCx) -> Self {
        Self { store: cx.store(), who: Who::Terminal(cx.job()) }
    }

    pub(super) const fn store(&self) -> &'a Store {
        self.store
    }

    pub(super) const fn user(&self) -> Option<UserId> {
        match self.who {
            Who::Person(id, _) => Some(id),
            Who::Terminal(_) => None,
        }
    }

    /// Begins a change of releases. One at a time: what is brought has to be above all that is there. Not within
    /// somebody's reach: with a release end its rollouts, on every device.
    pub(super) async fn begin(&self) -> Result<Change> {
        let change = self.store.begin().await?;
        if change.get_database_backend() == DatabaseBackend::Postgres {
            change.execute_unprepared("LOCK TABLE releases IN SHARE ROW EXCLUSIVE MODE").await?;
        }
        Ok(change)
    }

    /// Adds an audit entry beside the one that it is committed with.
    pub(super) async fn note(&self, change: &Change, record: Record) -> Result<()> {
        match &self.who {
            Who::Person(_, permit) => permit.also(change, record).await,
            Who::Terminal(what) => change.note(&Actor::system(what), None, record).await,
        }
    }

    /// Commits it with its audit entry.
    pub(super) async fn commit(&self, change: Change, record: Record) -> Result<()> {
        match &self.who {
            Who::Person(_, permit) => permit.commit(change, record).await?,
            Who::Terminal(what) => change.commit(&Actor::system(what), None, record).await?,
        }
        self.store.publish(PortalEvent::Release);
        Ok(())
    }
}

/// May they bring and change releases, just now? Asked before large files are sent.
///
/// # Errors
/// Forbidden by role.
pub fn check_manage(cx: &Confirmed<'_>) -> Result<()> {
    Hand::of(cx).map(drop)
}
