//! What there is to choose from when a user is invited or changed.

use crate::{
    business::{Offered, offered, use_business_like},
    custom_role::calls::list_roles,
    error::PortalError,
    service_location::calls::offer_locations,
};
use entity::{
    custom_role::{CustomRoleQuery, CustomRoleView},
    id::BusinessId,
    page::PAGE_SIZE_MAX,
    policy::Permissions,
    service_location::ServiceLocationChoice,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

/// Businesses and places for a technician's reach, and the custom roles that can be given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Choices {
    /// For the MSP's people: a customer's have one business alone.
    pub(super) businesses: Offered,
    /// Places: the first, or those that match.
    pub(super) locations: Vec<ServiceLocationChoice>,
    /// Those that allow no more than who looks may do.
    pub(super) roles: Vec<CustomRoleView>,
}

/// Loads them, for those who manage people; the businesses also for those who only filter by them.
pub(super) async fn load_choices(
    is_msp: bool,
    can_manage: bool,
    permissions: Permissions,
    like: Option<String>,
    chosen: Option<BusinessId>,
) -> Result<Choices, PortalError> {
    let mut choices = Choices::default();
    if is_msp {
        choices.businesses = offered(like.clone(), chosen).await?;
    }
    if can_manage {
        let query = CustomRoleQuery { limit: Some(PAGE_SIZE_MAX), ..CustomRoleQuery::default() };
        choices.roles = list_roles(query).await?.items;
        choices.roles.retain(|role| permissions.include(&role.permissions));
        if is_msp {
            choices.locations = offer_locations(None, like, None).await?.items;
        }
    }
    Ok(choices)
}

/// A resource of them; made in the body of a page.
pub(super) fn use_choices(me: &entity::user::Me, can_manage: bool) -> Resource<Result<Choices, PortalError>> {
    let (is_msp, permissions) = (me.role.is_msp(), me.permissions.clone());
    let (like, params) = (use_business_like(), use_query_map());
    let chosen =
        Memo::new(move |_| params.with(|params| params.get("business_id")?.parse::<BusinessId>().ok()));
    Resource::new(
        move || (like.get(), chosen.get()),
        move |(like, chosen)| load_choices(is_msp, can_manage, permissions.clone(), like, chosen),
    )
}
