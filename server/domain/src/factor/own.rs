//! One's own factors: what there is, and what holds for every change of them.

use super::{recovery, relying_party};
use crate::{
    Cx, Error, Result,
    access::{Permit, end_sessions, factor_policy},
    audit::Record,
    store::Change,
};
use entity::{
    factor::{FactorsView, PasskeyView},
    id::{SessionId, UserId},
    table::{passkey, totp_factor, user},
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::LockType,
};

/// What somebody has.
pub(super) struct Factors {
    pub(super) totp: Option<totp_factor::Model>,
    /// Oldest first.
    pub(super) passkeys: Vec<passkey::Model>,
}

impl Factors {
    pub(super) async fn of(db: &impl ConnectionTrait, id: UserId) -> Result<Self> {
        let totp = totp_factor::Entity::find_by_id(id)
            .filter(totp_factor::Column::ConfirmedAt.is_not_null())
            .one(db)
            .await?;
        let passkeys = passkey::Entity::find()
            .filter(passkey::Column::UserId.eq(id))
            .order_by_asc(passkey::Column::CreatedAt)
            .order_by_asc(passkey::Column::Id)
            .all(db)
            .await?;
        Ok(Self { totp, passkeys })
    }

    pub(super) fn count(&self) -> usize {
        usize::from(self.totp.is_some()) + self.passkeys.len()
    }
}

/// One's own factors.
///
/// # Errors
/// Forbidden for an API key.
pub async fn mine(cx: &Cx) -> Result<FactorsView> {
    cx.session_id()?;
    let (store, me) = (cx.store(), cx.me());
    let factors = Factors::of(store.db(), me.id).await?;
    Ok(FactorsView {
        totp_since: factors.totp.and_then(|row| row.confirmed_at),
        recovery_codes_left: recovery::left(store.db(), me.id).await?,
        passkeys: factors
            .passkeys
            .into_iter()
            .map(|row| PasskeyView {
                id: row.id,
                passkey_name: row.passkey_name,
                created_at: row.created_at,
                last_used_at: row.last_used_at,
            })
            .collect(),
        is_required: is_required(cx).await?,
        passkeys_are_possible: relying_party::passkeys_are_possible(store),
    })
}

async fn is_required(cx: &Cx) -> Result<bool> {
    Ok(factor_policy(cx.store()).await?.requires(cx.me().role.is_msp()))
}

/// A change of one's own factors. The person's row is locked meanwhile, so that of two changes at once the second
/// sees what the first has left.
pub(super) struct Changing<'a> {
    cx: &'a Cx,
    session_id: SessionId,
    permit: Permit<'a>,
    pub(super) change: Change,
    /// True when this person has to have a factor.
    is_required: bool,
    /// What there was.
    pub(super) before: Factors,
}

impl<'a> Changing<'a> {
    pub(super) async fn begin(cx: &'a Cx) -> Result<Self> {
        let session_id = cx.session_id()?;
        let permit = cx.permit_self()?;
        let is_required = is_required(cx).await?;
        let change = permit.begin().await?;
        let id = cx.me().id;
        // Not a lock on the key: sign-ins of the same person go on meanwhile.
        let own = user::Entity::find_by_id(id).lock(LockType::NoKeyUpdate);
        own.one(&*change).await?.ok_or_else(Error::signed_out)?;
        let before = Factors::of(&*change, id).await?;
        Ok(Self { cx, session_id, permit, change, is_required, before })
    }

    /// Refuses to take the last one away where one is required.
    pub(super) fn check_one_can_go(&self) -> Result<()> {
        if self.before.count() == 1 && self.is_required {
            return Err(Error::conflict(
                None,
                "This is your last second factor, and you have to have one. Add another before you remove it.",
            ));
        }
        Ok(())
    }

    /// New recovery codes when the change adds the first factor.
    pub(super) async fn codes_for_the_first(&self) -> Result<Vec<String>> {
        if self.before.count() == 0 {
            recovery::replace(&self.change, self.cx.me().id).await
        } else {
            Ok(Vec::new())
        }
    }

    /// Commits. Whoever else is signed in as this person has to sign in again; where no factor is left, nothing is
    /// left to recover.
    pub(super) async fn commit(self, record: Record) -> Result<()> {
        let id = self.cx.me().id;
        if Factors::of(&*self.change, id).await?.count() == 0 {
            recovery::remove(&self.change, id).await?;
        }
        end_sessions(self.cx.store(), &self.change, id, Some(self.session_id)).await?;
        self.permit.commit(self.change, record).await
    }
}
