//! How the state of a registration token looks, and where a device like it is added again.

use crate::ui::{Status, StatusKind};
use entity::registration::{RegistrationState, RegistrationTokenView};
use leptos::prelude::*;

/// The state as shape, word and colour.
#[component]
pub(super) fn TokenStatus(state: RegistrationState) -> impl IntoView {
    let kind = match state {
        RegistrationState::Issued => StatusKind::Info,
        RegistrationState::Consumed => StatusKind::Ok,
        RegistrationState::Expired | RegistrationState::Revoked => StatusKind::Off,
    };
    view! { <Status kind word=state.label()/> }
}

/// The form to add a device, with the same place chosen.
pub(super) fn again_href(token: &RegistrationTokenView) -> String {
    match token.service_location_id {
        Some(place) => format!("/devices/add?business_id={}&service_location_id={place}", token.business_id),
        None => format!("/devices/add?business_id={}", token.business_id),
    }
}

/// Whose device the token makes, and where it will stand.
pub(super) fn place_words(token: &RegistrationTokenView) -> String {
    match &token.location_name {
        Some(location) => format!("{} · {location}", token.business_name),
        None => token.business_name.clone(),
    }
}
