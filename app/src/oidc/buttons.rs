//! What signing in with a provider adds to the sign-in page.

use super::calls::sign_in_providers;
use crate::ui::{Load, Notice, StatusKind, toast::encode};
use entity::{
    id::OidcProviderId,
    oidc::{OidcFailure, SignInProvider},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// Why signing in with a provider came to nothing, when it has just done so.
#[component]
pub fn ProviderNotice() -> impl IntoView {
    let failure = use_query_map()
        .with_untracked(|query| query.get("oidc").and_then(|word| word.parse::<OidcFailure>().ok()));
    failure.map(|failure| view! { <Notice kind=StatusKind::Warn>{failure.sentence()}</Notice> })
}

/// A button for each provider of the MSP; a link that names a provider, with `?provider=`, has the button of that one.
#[component]
pub fn ProviderButtons() -> impl IntoView {
    let query = use_query_map();
    let asked =
        query.with_untracked(|query| query.get("provider").and_then(|id| id.parse::<OidcProviderId>().ok()));
    let next = query.with_untracked(|query| query.get("next").unwrap_or_default());
    let providers = Resource::new(move || asked, sign_in_providers);
    view! {
        <Load resource=providers skeleton=0 let:providers>
            {
                let next = next.clone();
                providers.into_iter().map(move |provider| view! { <ProviderButton provider next=next.clone()/> }).collect_view()
            }
        </Load>
    }
}

/// A link, not a form: what a form is answered with may not lead to another site.
#[component]
fn ProviderButton(provider: SignInProvider, next: String) -> impl IntoView {
    let href = if next.is_empty() {
        format!("/sign-in/oidc/{}", provider.id)
    } else {
        format!("/sign-in/oidc/{}?next={}", provider.id, encode(&next))
    };
    view! { <a class="button" href=href rel="external">"Sign in with " {provider.provider_name}</a> }
}
