//! Permits: proof that this person may do this to rows of this business. The only road to a person's change.

use crate::{
    Cx, Error, Result,
    store::{Audit, Change},
};
use entity::{
    id::{BusinessId, DeviceId},
    policy::{Action, may},
};

/// Proof that who asks may do what they ask.
pub(crate) struct Permit<'a> {
    cx: &'a Cx,
    business_id: Option<BusinessId>,
}

impl Cx {
    /// Asks for a permit on rows of `business` (absent: the MSP's own).
    ///
    /// # Errors
    /// Not found when the business is out of reach, forbidden when the role may not.
    pub(crate) fn permit(&self, action: Action, business: Option<BusinessId>) -> Result<Permit<'_>> {
        if self.me().must_change_password {
            return Err(Error::forbidden("Choose your own password first."));
        }
        match business {
            Some(business) if !self.reach().includes(business) => return Err(Error::not_found("business")),
            None if !self.me().role.is_msp() => return Err(Error::forbidden("This belongs to the MSP.")),
            _ => {}
        }
        if may(self.me().role, action) {
            Ok(Permit { cx: self, business_id: business })
        } else {
            Err(Error::forbidden(format!("Your role, {}, does not allow this.", self.me().role.label())))
        }
    }

    /// A permit on one's own account, which every role has.
    pub(crate) const fn permit_self(&self) -> Permit<'_> {
        Permit { cx: self, business_id: self.me().business_id }
    }
}

impl Permit<'_> {
    /// Begins the change.
    pub(crate) async fn begin(&self) -> Result<Change> {
        self.cx.store().begin().await
    }

    /// Commits the change with its audit entry.
    pub(crate) async fn commit(
        &self,
        change: Change,
        device: Option<DeviceId>,
        action: &'static str,
        summary: String,
    ) -> Result<()> {
        let audit = Audit { business_id: self.business_id, device_id: device, action, summary };
        change.commit(self.cx, audit).await
    }
}
