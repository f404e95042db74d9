//! Whether a user can sign in, as shape, word and colour.

use crate::ui::{Status, StatusKind};
use entity::user::UserView;
use leptos::prelude::*;

/// Active, switched off, or still with a one-time password.
#[component]
pub fn UserStatus(
    /// The user.
    user: UserView,
) -> impl IntoView {
    let (kind, word) = match (user.is_active, user.must_change_password) {
        (false, _) => (StatusKind::Off, "Switched off"),
        (true, true) => (StatusKind::Info, "One-time password"),
        (true, false) => (StatusKind::Ok, "Active"),
    };
    view! { <Status kind word/> }
}

/// Whose person it is, in words: the MSP's, one business's, or a technician's several.
pub(super) fn reach_words(user: &UserView) -> String {
    use entity::user::Role;
    match (user.role, &user.business_name) {
        (_, Some(business)) => business.clone(),
        (Role::Technician, None) => match user.granted.as_slice() {
            [] => "No business granted".to_owned(),
            granted => granted.iter().map(|b| b.business_name.as_str()).collect::<Vec<_>>().join(", "),
        },
        (_, None) => "All businesses".to_owned(),
    }
}
