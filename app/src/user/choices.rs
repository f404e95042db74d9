//! What there is to choose from when a user is invited or changed.

use crate::{
    business::calls::list_businesses, custom_role::calls::list_roles, error::PortalError,
    service_location::calls::list_locations,
};
use entity::{
    business::BusinessView, custom_role::CustomRoleView, policy::Permissions,
    service_location::ServiceLocationView,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Businesses and places for a technician's reach, and the custom roles that can be given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Choices {
    /// For the MSP's people: a customer's have one business alone.
    pub(super) businesses: Vec<BusinessView>,
    /// Their places.
    pub(super) locations: Vec<ServiceLocationView>,
    /// Those that allow no more than who looks may do.
    pub(super) roles: Vec<CustomRoleView>,
}

/// Loads them, for those who manage people; the businesses also for those who only filter by them.
pub(super) async fn load_choices(
    is_msp: bool,
    can_manage: bool,
    permissions: Permissions,
) -> Result<Choices, PortalError> {
    let mut choices = Choices::default();
    if is_msp {
        choices.businesses = list_businesses().await?;
    }
    if can_manage {
        choices.roles = list_roles().await?;
        choices.roles.retain(|role| permissions.include(&role.permissions));
        if is_msp {
            choices.locations = list_locations(None).await?;
        }
    }
    Ok(choices)
}

/// A resource of them; made in the body of a page.
pub(super) fn use_choices(me: &entity::user::Me, can_manage: bool) -> Resource<Result<Choices, PortalError>> {
    let (is_msp, permissions) = (me.role.is_msp(), me.permissions.clone());
    Resource::new(|| (), move |()| load_choices(is_msp, can_manage, permissions.clone()))
}
