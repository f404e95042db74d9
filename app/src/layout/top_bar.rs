//! The top bar: which business, search, whether the page is live, and the person.

use super::{calls, menu::PersonMenu};
use crate::{
    command::TestModeBadge,
    live::{LinkState, link_state},
    ui::{Choice, FilterSelect, Hidden, Icon, IconName, Status, StatusKind},
};
use entity::user::Me;
use leptos::{ev, prelude::*};
use leptos_router::{components::Form as RouterForm, hooks::use_query_map};
use wasm_bindgen::JsCast;
use web_sys::HtmlFormElement;

/// The id of the search field, for the key that leads there.
pub(super) const SEARCH_ID: &str = "search";

/// The top bar.
#[component]
pub(super) fn TopBar(me: Me) -> impl IntoView {
    view! {
        <header class="top-bar">
            {me.role.is_msp().then(|| view! { <BusinessSwitcher/> })}
            <Search/>
            <div class="top-bar-end">
                <TestModeBadge/>
                <LinkStatus/>
                <PersonMenu me/>
            </div>
        </header>
    }
}

/// Leads to the devices of one business, or of all.
#[component]
fn BusinessSwitcher() -> impl IntoView {
    let query = use_query_map();
    let current = Memo::new(move |_| query.with(|query| query.get("business_id").unwrap_or_default()));
    let businesses = Resource::new(move || current.get().parse().ok(), calls::switchable_businesses);
    let send = |event: ev::Event| {
        if let Some(form) =
            event.current_target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok())
        {
            drop(form.request_submit());
        }
    };
    let switcher = move || {
        Suspend::new(async move {
            let page = businesses.await.unwrap_or_default();
            let has_more = page.next_cursor.is_some();
            let mut options = vec![Choice::new("", "All businesses")];
            options.extend(page.items.into_iter().map(|b| Choice::new(b.id.to_string(), b.business_name)));
            let select = move || {
                view! {
                    <FilterSelect name="business_id" label="Business" options=options.clone() value=current.get()/>
                }
            };
            view! {
                {select}
                {has_more.then(|| view! { <a class="switcher-more" href="/businesses">"More"</a> })}
            }
        })
    };
    view! {
        <RouterForm action="/devices" attr:class="switcher" on:change=send>
            <Transition fallback=|| view! { <span class="switcher-wait input"></span> }>{switcher}</Transition>
            <button class="button without-js" r#type="submit">"Go"</button>
        </RouterForm>
    }
}

/// Searches the devices, within the business that is chosen.
#[component]
fn Search() -> impl IntoView {
    let query = use_query_map();
    let business =
        Memo::new(move |_| query.with(|query| query.get("business_id").filter(|id| !id.is_empty())));
    view! {
        <RouterForm action="/devices" attr:class="search" attr:role="search" attr:aria-label="Devices">
            <label class="visually-hidden" r#for=SEARCH_ID>"Search devices"</label>
            <Icon icon=IconName::Search/>
            <input
                id=SEARCH_ID
                class="input"
                r#type="search"
                name="search"
                placeholder="Search devices"
                autocomplete="off"
                maxlength=entity::input::SEARCH_MAX.to_string()
            />
            <kbd class="needs-js" aria-hidden="true">"/"</kbd>
            {move || business.get().map(|id| view! { <Hidden name="business_id" value=id/> })}
        </RouterForm>
    }
}

/// Whether what is shown follows what happens.
#[component]
fn LinkStatus() -> impl IntoView {
    let state = link_state();
    view! {
        <div class="link-status needs-js" role="status">
            {move || {
                let (kind, word, title) = match state.get() {
                    LinkState::Connecting => (StatusKind::Off, "Connecting", "Live updates are about to start"),
                    LinkState::Live => (StatusKind::Ok, "Live", "Changes appear as they happen"),
                    LinkState::Reconnecting => {
                        (StatusKind::Warn, "Reconnecting", "The server cannot be reached; what you see may be old")
                    }
                };
                view! { <Status kind word title/> }
            }}
        </div>
    }
}
