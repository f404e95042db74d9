//! The page that says how people sign in.

use super::{calls::get_oidc_settings, form::AddProviderPanel, policy::PolicyPanel};
use crate::{
    business::{offered, use_business_like},
    layout::{PageHead, use_me},
    ui::{Count, Listing, Load, Notice, Panel, Status, StatusKind, Table},
};
use entity::{
    oidc::{OidcProviderQuery, OidcProviderView},
    policy::Action,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// Second factors, and the providers.
#[component]
pub fn SignInSettingsPage() -> impl IntoView {
    let may = use_me().may(Action::ManageSignIn);
    view! {
        <PageHead title="Sign-in" up=("Settings", "/settings") facts=|| "How people prove who they are"/>
        {if may {
            view! { <Settings/> }.into_any()
        } else {
            view! { <Notice kind=StatusKind::Info>"Your role does not manage how people sign in."</Notice> }.into_any()
        }}
    }
}

#[component]
fn Settings() -> impl IntoView {
    let params = use_query_map();
    let asked =
        Memo::new(move |_| params.with(|params| Listing::from_url("/sign-in-settings", params, &["search"])));
    let settings = Resource::new(
        move || asked.get(),
        |asked| {
            get_oidc_settings(OidcProviderQuery {
                search: asked.text("search"),
                cursor: asked.cursor(),
                ..OidcProviderQuery::default()
            })
        },
    );
    let like = use_business_like();
    let businesses = Resource::new(move || like.get(), |like| offered(like, None));
    view! {
        <PolicyPanel/>
        <Panel title="Providers" facts="OpenID Connect: Microsoft Entra, Google, Okta, Keycloak and others">
            <Load resource=settings skeleton=2 let:settings>
                {
                    let asked = asked.get_untracked();
                    let page = settings.providers;
                    if page.items.is_empty() {
                        view! { <p class="quiet">"None yet: people sign in with a password or a passkey."</p> }.into_any()
                    } else {
                        let (shown, next) = (page.items.len(), page.next_cursor);
                        let is_one_page = next.is_none() && asked.cursor().is_none();
                        let pager = (!is_one_page).then(|| asked.pager(shown, page.total, next.as_deref()));
                        view! { <ProviderTable providers=page.items/> {pager} }.into_any()
                    }
                }
            </Load>
        </Panel>
        <Load resource=settings skeleton=5 let:settings>
            <Load resource=businesses skeleton=5 let:businesses>
                <AddProviderPanel businesses redirect_url=settings.redirect_url.clone()/>
            </Load>
        </Load>
    }
}

/// Whether people can sign in with it.
#[component]
pub(super) fn ProviderStatus(is_active: bool) -> impl IntoView {
    let (kind, word) = if is_active { (StatusKind::Ok, "On") } else { (StatusKind::Off, "Off") };
    view! { <Status kind word/> }
}

#[component]
fn ProviderTable(providers: Vec<OidcProviderView>) -> impl IntoView {
    let rows = providers.into_iter().map(|provider| {
        let whose = provider.business_name.unwrap_or_else(|| "Your own people".to_owned());
        view! {
            <tr>
                <td class="main">
                    <a class="row-link" href=format!("/sign-in-settings/{}", provider.id)>{provider.provider_name}</a>
                </td>
                <td class="sub">{whose}</td>
                <td class="mono">{provider.issuer}</td>
                <td>{if provider.asks_for_factor { "The provider asks" } else { "Reeve asks" }}</td>
                <td class="sub-aside num"><Count value=provider.people/></td>
                <td class="aside"><ProviderStatus is_active=provider.is_active/></td>
            </tr>
        }
    });
    view! {
        <Table label="Providers">
            <thead>
                <tr>
                    <th scope="col" class="main">"Name"</th>
                    <th scope="col" class="sub">"Signs in"</th>
                    <th scope="col">"Issuer"</th>
                    <th scope="col">"Second factor"</th>
                    <th scope="col" class="sub-aside num">"People"</th>
                    <th scope="col" class="aside">"Status"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
