//! The page of one provider.

use super::{
    calls::{ChangeProvider, RemoveProvider, get_provider},
    form::ProviderFields,
    page::ProviderStatus,
};
use crate::{
    layout::{PageHead, load_named, refetch_after},
    ui::{Confirm, CopyField, Count, Exact, Fact, Facts, Form, Hidden, Load, Panel, Submit},
};
use entity::oidc::OidcProviderView;
use leptos::prelude::*;

/// One provider.
#[component]
pub fn ProviderPage() -> impl IntoView {
    let provider = load_named("id", get_provider);
    let change = ServerAction::<ChangeProvider>::new();
    let remove = ServerAction::<RemoveProvider>::new();
    refetch_after(change, provider);
    view! {
        <Load resource=provider let:provider>
            <Head provider=provider.clone()/>
            <AddressesPanel provider=provider.clone()/>
            <ChangePanel provider=provider.clone() change/>
            <RemovePanel provider remove/>
        </Load>
    }
}

#[component]
fn Head(provider: OidcProviderView) -> impl IntoView {
    let whose = provider.business_name.clone().unwrap_or_else(|| "Your own people".to_owned());
    let is_active = provider.is_active;
    view! {
        <PageHead
            title=provider.provider_name
            up=("Sign-in", "/sign-in-settings")
            facts=move || view! { <ProviderStatus is_active/> <span>{whose.clone()}</span> }.into_any()
        />
    }
}

#[component]
fn AddressesPanel(provider: OidcProviderView) -> impl IntoView {
    let for_whom = if provider.business_id.is_some() {
        "Give this link to them: the sign-in page has the button only behind it, so that strangers do not read who your customers are."
    } else {
        "The sign-in page has the button for everybody."
    };
    view! {
        <Panel title="Addresses">
            <div class="stack">
                <CopyField label="Redirect address, for the provider" value=provider.redirect_url/>
                <CopyField label="Sign-in page, for people" value=provider.sign_in_url/>
                <p class="quiet">{for_whom}</p>
                <Facts>
                    <Fact label="People known by it"><Count value=provider.people/></Fact>
                    <Fact label="Added"><Exact at=provider.created_at/></Fact>
                </Facts>
            </div>
        </Panel>
    }
}

#[component]
fn ChangePanel(provider: OidcProviderView, change: ServerAction<ChangeProvider>) -> impl IntoView {
    view! {
        <Panel title="Change">
            <Form action=change>
                <Hidden name="id" value=provider.id.to_string()/>
                <ProviderFields provider=Some(provider)/>
                <Submit>"Save"</Submit>
            </Form>
        </Panel>
    }
}

#[component]
fn RemovePanel(provider: OidcProviderView, remove: ServerAction<RemoveProvider>) -> impl IntoView {
    let title = format!("Remove {}?", provider.provider_name);
    view! {
        <Panel title="Remove">
            <Confirm action=remove label="Remove" title confirm="Remove" type_name=provider.provider_name>
                <p>"Nobody can sign in with it any more, and whom it knew is forgotten. Those who are signed in stay so."</p>
                <Hidden name="id" value=provider.id.to_string()/>
            </Confirm>
        </Panel>
    }
}
