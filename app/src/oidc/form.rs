//! The fields of a provider, and the form that adds one.

use super::calls::AddProvider;
use crate::{
    business::{FindBusiness, Offered},
    ui::{Choice, CopyField, Field, Form, Panel, Select, Submit, Switch},
};
use entity::{input::NAME_MAX, oidc::OidcProviderView};
use leptos::prelude::*;

/// Longest issuer and client secret, in characters.
const ISSUER_MAX: usize = 300;
const SECRET_MAX: usize = 1_000;

/// Adds a provider; leads to its page.
#[component]
pub(super) fn AddProviderPanel(businesses: Offered, redirect_url: String) -> impl IntoView {
    let add = ServerAction::<AddProvider>::new();
    let msp = Choice::new("", "Your own people");
    let found = businesses.clone();
    let choices = businesses.page.items.into_iter().map(|business| {
        Choice::new(business.id.to_string(), business.business_name).under("People of a business")
    });
    let choices: Vec<Choice> = std::iter::once(msp).chain(choices).collect();
    view! {
        <div id="add">
            <Panel title="Add a provider">
                <div class="stack">
                    <p>
                        "First make Reeve known to the provider, as a web application that signs people in with an
                         authorization code. It asks where to send people back to:"
                    </p>
                    <CopyField label="Redirect address" value=redirect_url/>
                    <FindBusiness offered=found/>
                    <Form action=add>
                        <Select
                            name="input[business_id]"
                            label="Whom it signs in"
                            options=choices
                            hint="It can sign in these people alone, those who are here already, by an address that it has verified."
                        />
                        <ProviderFields provider=None/>
                        <Submit>"Add provider"</Submit>
                    </Form>
                </div>
            </Panel>
        </div>
    }
}

/// Name, issuer, what we are called there, and the two switches.
#[component]
pub(super) fn ProviderFields(provider: Option<OidcProviderView>) -> impl IntoView {
    let is_new = provider.is_none();
    let has_secret = provider.as_ref().is_some_and(|provider| provider.has_client_secret);
    let is_active = provider.as_ref().is_none_or(|provider| provider.is_active);
    let asks_for_factor = provider.as_ref().is_some_and(|provider| provider.asks_for_factor);
    let text = |part: fn(OidcProviderView) -> String| provider.clone().map(part).unwrap_or_default();
    let secret_hint = match (is_new, has_secret) {
        (false, true) => "One is stored and never shown. Leave this empty to keep it.",
        (false, false) => "None is stored. Leave this empty if the provider gave you none.",
        (true, _) => "Stored encrypted and never shown again. Leave it empty if the provider gave you none.",
    };
    view! {
        <Field
            name="input[provider_name]"
            label="Name"
            value=text(|provider| provider.provider_name)
            hint="The button says: Sign in with, and this."
            required=true
            max_length=NAME_MAX
            autocomplete="off"
        />
        <Field
            name="input[issuer]"
            label="Issuer"
            kind="url"
            value=text(|provider| provider.issuer)
            hint="Its address, such as https://login.example.com. Reeve asks it for its configuration when you save."
            required=true
            max_length=ISSUER_MAX
            autocomplete="off"
            mono=true
        />
        <Field
            name="input[client_id]"
            label="Client ID"
            value=text(|provider| provider.client_id)
            required=true
            max_length=NAME_MAX
            autocomplete="off"
            mono=true
        />
        <Field
            name="input[client_secret]"
            label="Client secret"
            kind="password"
            hint=secret_hint
            max_length=SECRET_MAX
            autocomplete="off"
        />
        <Switch
            name="input[asks_for_factor]"
            label="It asks for a second factor itself"
            hint="Then Reeve does not ask for one again. Switch this on only when nobody gets past the provider without."
            checked=asks_for_factor
        />
        <Switch name="input[is_active]" label="On" hint="Off: nobody can sign in with it." checked=is_active/>
    }
}
