//! The page for addresses that lead nowhere.

use super::bare::Bare;
use crate::{error::PortalError, ui::ProblemPanel};
use leptos::prelude::*;

/// Stands where a page would that does not exist, or is not theirs.
#[component]
pub fn NotFound() -> impl IntoView {
    view! { <ProblemPanel problem=PortalError::not_found().0/> }
}

/// The whole page for an address that leads nowhere.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <Bare>
            <NotFound/>
        </Bare>
    }
}
