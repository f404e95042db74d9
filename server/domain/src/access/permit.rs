//! Permits: proof that this person may do this to rows of this business. The only road to a person's change.

use super::Confirmed;
use crate::{
    Cx, Error, Result,
    audit::{Actor, Record},
    store::Change,
};
use entity::{
    id::{BusinessId, ServiceLocationId},
    policy::Action,
    table::device,
};

/// Whose rows somebody wants to change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// The MSP's own, or those of all businesses.
    Msp,
    /// Those of a business as a whole.
    Business(BusinessId),
    /// Those of a business at a service location, if they have one.
    Location(BusinessId, Option<ServiceLocationId>),
}

impl Target {
    /// The MSP's own where there is no business.
    pub(crate) fn of(business: Option<BusinessId>) -> Self {
        business.map_or(Self::Msp, Self::Business)
    }

    /// A device.
    pub(crate) const fn device(row: &device::Model) -> Self {
        Self::Location(row.business_id, row.service_location_id)
    }

    const fn business(self) -> Option<BusinessId> {
        match self {
            Self::Msp => None,
            Self::Business(business) | Self::Location(business, _) => Some(business),
        }
    }
}

/// Proof that who asks may do what they ask.
pub(crate) struct Permit<'a> {
    cx: &'a Cx,
    business_id: Option<BusinessId>,
    /// True for what one does to oneself, which no reach limits.
    is_own: bool,
}

impl Cx {
    /// Asks for a permit.
    ///
    /// # Errors
    /// Not found when the target is out of reach, forbidden when a permission is missing, confirm identity for what
    /// only a [`Confirmed`] context may do.
    pub(crate) fn permit(&self, action: Action, target: Target) -> Result<Permit<'_>> {
        let permit = self.permit_if_held(action, target)?;
        if action.needs_confirmation() { Err(Error::confirm_identity()) } else { Ok(permit) }
    }

    fn permit_if_held(&self, action: Action, target: Target) -> Result<Permit<'_>> {
        self.check_ready()?;
        match target {
            Target::Business(business) if !self.reach().includes(business) => {
                // Those who reach a part of it know that it is there.
                return Err(if self.reach().touches(business) {
                    Error::forbidden("You were granted a part of this business, not all of it.")
                } else {
                    Error::not_found("business")
                });
            }
            Target::Location(business, location) if !self.reach().covers(business, location) => {
                return Err(Error::not_found("business"));
            }
            // Also not for the MSP's people who were granted some of its businesses.
            Target::Msp if !self.me().role.is_msp() || !self.reach().includes_msp() => {
                return Err(Error::forbidden("This belongs to the MSP."));
            }
            _ => {}
        }
        if self.me().may(action) {
            Ok(Permit { cx: self, business_id: target.business(), is_own: false })
        } else {
            Err(Error::forbidden(format!("Your role, {}, does not allow this.", self.me().role_label())))
        }
    }

    /// May they see what this action is about?
    ///
    /// # Errors
    /// Forbidden when the permission is missing or nothing is within reach.
    pub(crate) fn check(&self, action: Action, detail: &'static str) -> Result<()> {
        if self.me().may(action) && !self.reach().is_nothing() {
            Ok(())
        } else {
            Err(Error::forbidden(detail))
        }
    }

    /// Have they done what has to be done before anything else?
    ///
    /// # Errors
    /// Forbidden until a one-time password was replaced and a required second factor added.
    pub(crate) fn check_ready(&self) -> Result<()> {
        if self.me().must_change_password {
            return Err(Error::forbidden("Choose your own password first."));
        }
        if self.me().must_add_factor {
            return Err(Error::forbidden("Add a second factor first."));
        }
        Ok(())
    }

    /// A permit on one's own account, which every person has in a session of theirs.
    pub(crate) fn permit_self(&self) -> Result<Permit<'_>> {
        self.session_id()?;
        Ok(Permit { cx: self, business_id: self.me().business_id, is_own: true })
    }
}

impl Confirmed<'_> {
    /// Asks for a permit, also on what needs a confirmed identity.
    ///
    /// # Errors
    /// As [`Cx::permit`], but for the confirmation.
    pub(crate) fn permit(&self, action: Action, target: Target) -> Result<Permit<'_>> {
        self.permit_if_held(action, target)
    }
}

impl Permit<'_> {
    /// Begins the change, within the reach of who asks.
    pub(crate) async fn begin(&self) -> Result<Change> {
        if self.is_own {
            self.cx.store().begin().await
        } else {
            self.cx.store().begin_within(self.cx.db().clone()).await
        }
    }

    /// Adds an entry of this permit to a change that another one commits.
    pub(crate) async fn also(&self, change: &Change, record: Record) -> Result<()> {
        change.note(&Actor::of(self.cx), self.business_id, record).await
    }

    /// Commits the change with its audit entry.
    pub(crate) async fn commit(&self, change: Change, record: Record) -> Result<()> {
        change.commit(&Actor::of(self.cx), self.business_id, record).await
    }
}
