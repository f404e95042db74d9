//! The page of all registration tokens.

use super::{
    calls::{RevokeToken, list_tokens},
    state::{TokenStatus, place_words},
};
use crate::{
    layout::{PageHead, use_me},
    live,
    ui::{
        Absent, ButtonKind, Choice, Confirm, EmptyState, Exact, FilterBar, FilterSearch, FilterSelect,
        Hidden, LinkButton, Listing, Load, Notice, StatusKind, Table, Time,
    },
};
use entity::{
    policy::Action,
    portal_event::PortalEvent,
    registration::{RegistrationEvent, RegistrationState, RegistrationTokenQuery, RegistrationTokenView},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// The tokens, newest first.
#[component]
pub fn TokenListPage() -> impl IntoView {
    let is_allowed = use_me().may(Action::RegisterDevice);
    view! {
        <PageHead
            title="Registration tokens"
            up=("Devices".to_owned(), "/devices".to_owned())
            action=move || is_allowed.then(|| view! { <AddButton/> }).into_any()
        />
        {if is_allowed {
            view! { <Tokens/> }.into_any()
        } else {
            view! {
                <Notice kind=StatusKind::Info>"Your role does not see registration tokens. Ask an MSP admin."</Notice>
            }
            .into_any()
        }}
    }
}

#[component]
fn AddButton() -> impl IntoView {
    view! { <LinkButton href="/devices/add" kind=ButtonKind::Primary>"Add device"</LinkButton> }
}

#[component]
fn Tokens() -> impl IntoView {
    let revoke = ServerAction::<RevokeToken>::new();
    let params = use_query_map();
    let asked = Memo::new(move |_| {
        params.with(|params| Listing::from_url("/devices/tokens", params, &["search", "state"]))
    });
    let tokens = Resource::new(
        move || (revoke.version().get(), asked.get()),
        |(_, asked)| {
            list_tokens(RegistrationTokenQuery {
                business_id: None,
                state: asked.value("state"),
                search: asked.text("search"),
                cursor: asked.cursor(),
                limit: None,
            })
        },
    );
    live::refetch_on(tokens, |event| matches!(event, PortalEvent::Registered { .. }));
    view! {
        {move || view! { <TokenFilter asked=asked.get()/> }}
        <Load resource=tokens let:page>
            {
                let asked = asked.get_untracked();
                if page.items.is_empty() && (asked.is_filtered() || asked.cursor().is_some()) {
                    view! {
                        <EmptyState
                            title="No token matches"
                            action=|| view! { <LinkButton href="/devices/tokens">"Show all tokens"</LinkButton> }.into_any()
                        >
                            "No registration token within your reach matches all of these filters."
                        </EmptyState>
                    }
                    .into_any()
                } else if page.items.is_empty() {
                    view! {
                        <EmptyState title="No registration tokens" action=|| view! { <AddButton/> }.into_any()>
                            "A token is made when you add a device: a secret that turns one machine into a device, once."
                        </EmptyState>
                    }
                    .into_any()
                } else {
                    let (shown, next) = (page.items.len(), page.next_cursor);
                    let pager = asked.pager(shown, None, next.as_deref());
                    view! { <TokenTable tokens=page.items revoke/> {pager} }.into_any()
                }
            }
        </Load>
    }
}

#[component]
fn TokenFilter(asked: Listing) -> impl IntoView {
    let states = RegistrationState::ALL.iter().map(|state| Choice::new(state.word(), state.label()));
    let states = std::iter::once(Choice::new("", "Any state")).chain(states).collect();
    view! {
        <FilterBar action="/devices/tokens">
            <FilterSearch label="Search device name" value=asked.text("search").unwrap_or_default()/>
            <FilterSelect name="state" label="State" options=states value=asked.text("state").unwrap_or_default()/>
        </FilterBar>
    }
}

#[component]
fn TokenTable(tokens: Vec<RegistrationTokenView>, revoke: ServerAction<RevokeToken>) -> impl IntoView {
    view! {
        <Table label="Registration tokens">
            <thead>
                <tr>
                    <th scope="col" class="main">"For"</th>
                    <th scope="col" class="aside">"State"</th>
                    <th scope="col">"Name"</th>
                    <th scope="col" class="sub">"Made by"</th>
                    <th scope="col">"Made"</th>
                    <th scope="col" class="sub-aside">"Works until"</th>
                    <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                </tr>
            </thead>
            <tbody>{tokens.into_iter().map(|token| view! { <TokenRow token revoke/> }).collect_view()}</tbody>
        </Table>
    }
}

#[component]
fn TokenRow(token: RegistrationTokenView, revoke: ServerAction<RevokeToken>) -> impl IntoView {
    let place = place_words(&token);
    let can_revoke = token.state.on(RegistrationEvent::Revoke).is_some();
    let id = token.id;
    let known = |text: Option<String>| match text {
        Some(text) => text.into_any(),
        None => view! { <Absent/> }.into_any(),
    };
    view! {
        <tr>
            <td class="main"><a class="row-link" href=format!("/devices/add/{id}")>{place.clone()}</a></td>
            <td class="aside"><TokenStatus state=token.state/></td>
            <td>{known(token.device_name)}</td>
            <td class="sub">{known(token.created_by)}</td>
            <td><Time at=token.created_at/></td>
            <td class="sub-aside"><Exact at=token.expires_at/></td>
            <td class="row-actions">
                {token.device_id.map(|device| view! { <a href=format!("/devices/{device}")>"Device"</a> })}
                {can_revoke.then(|| view! {
                    <Confirm action=revoke label="Revoke" title=format!("Revoke the token for {place}?") confirm="Revoke token">
                        <p>"No machine can register with it any more."</p>
                        <Hidden name="id" value=id.to_string()/>
                    </Confirm>
                })}
            </td>
        </tr>
    }
}
