//! Whether a user can sign in, as shape, word and colour.

use crate::ui::{Status, StatusKind};
use entity::user::UserView;
use leptos::prelude::*;

/// Active, switched off, invited, or still with a one-time password.
#[component]
pub fn UserStatus(
    /// The user.
    user: UserView,
) -> impl IntoView {
    let (kind, word) = if !user.is_active {
        (StatusKind::Off, "Switched off")
    } else if user.is_invited {
        (StatusKind::Info, "Invited")
    } else if user.must_change_password {
        (StatusKind::Info, "One-time password")
    } else {
        (StatusKind::Ok, "Active")
    };
    view! { <Status kind word/> }
}

/// Whose person it is, in words: the MSP's, one business's, or a technician's several.
pub(super) fn reach_words(user: &UserView) -> String {
    use entity::user::{Effect, GrantView, Role};
    if let Some(business) = &user.business_name {
        return business.clone();
    }
    if user.role != Role::Technician {
        return "All businesses".to_owned();
    }
    let name = |grant: &GrantView| match (&grant.business_name, &grant.location_name) {
        (Some(business), Some(location)) => format!("{business}: {location}"),
        (Some(business), None) => business.clone(),
        (None, _) => "All businesses".to_owned(),
    };
    let named = |effect| {
        let grants = user.grants.iter().filter(move |grant| grant.effect == effect);
        grants.map(name).collect::<Vec<_>>().join(", ")
    };
    match (named(Effect::Allow), named(Effect::Deny)) {
        (allowed, _) if allowed.is_empty() => "No business granted".to_owned(),
        (allowed, denied) if denied.is_empty() => allowed,
        (allowed, denied) => format!("{allowed}, but not {denied}"),
    }
}
