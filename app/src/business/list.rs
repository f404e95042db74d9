//! The page of all businesses within reach.

use super::{calls::list_businesses, form::AddBusinessPanel};
use crate::{
    layout::{PageHead, use_me},
    live,
    ui::{
        Count, EmptyState, FilterBar, FilterSearch, Hidden, LinkButton, Listing, Load, PresenceBar, SortHead,
        Status, StatusKind, Table, Time,
    },
};
use entity::{
    business::{BusinessQuery, BusinessView},
    policy::Action,
    portal_event::PortalEvent,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// The businesses, a page at a time. All of the page's state is in the URL.
#[component]
pub fn BusinessListPage() -> impl IntoView {
    let can_add = use_me().may(Action::ManageBusiness);
    let params = use_query_map();
    let asked = Memo::new(move |_| {
        params.with(|params| Listing::from_url("/businesses", params, &["search", "sort", "descending"]))
    });
    let businesses = Resource::new(
        move || asked.get(),
        |asked| {
            list_businesses(BusinessQuery {
                search: asked.text("search"),
                sort: asked.value("sort"),
                descending: asked.flag("descending"),
                cursor: asked.cursor(),
                limit: None,
            })
        },
    );
    live::refetch_on(businesses, |event| {
        matches!(event, PortalEvent::Presence { .. } | PortalEvent::Registered { .. })
    });
    view! {
        <PageHead
            title="Businesses"
            action=move || can_add.then(|| view! { <LinkButton href="#add">"Add business"</LinkButton> }).into_any()
        />
        {move || view! { <BusinessFilter asked=asked.get()/> }}
        <Load resource=businesses let:page>
            {
                if page.items.is_empty() {
                    view! { <NoBusinesses can_add asked=asked.get_untracked()/> }.into_any()
                } else {
                    let (shown, next) = (page.items.len(), page.next_cursor);
                    let pager = asked.get_untracked().pager(shown, page.total, next.as_deref());
                    view! { <BusinessTable businesses=page.items asked/> {pager} }.into_any()
                }
            }
        </Load>
        {can_add.then(|| view! { <AddBusinessPanel/> })}
    }
}

#[component]
fn BusinessFilter(asked: Listing) -> impl IntoView {
    view! {
        <FilterBar action="/businesses">
            <FilterSearch label="Search name" value=asked.text("search").unwrap_or_default()/>
            {asked.text("sort").map(|sort| view! { <Hidden name="sort" value=sort/> })}
            {asked.flag("descending").then(|| view! { <Hidden name="descending" value="true"/> })}
        </FilterBar>
    }
}

#[component]
fn NoBusinesses(can_add: bool, asked: Listing) -> impl IntoView {
    if asked.is_filtered() || asked.cursor().is_some() {
        return view! {
            <EmptyState
                title="No business matches"
                action=|| view! { <LinkButton href="/businesses">"Show all businesses"</LinkButton> }.into_any()
            >
                "No business within your reach has this in its name, or this page of the list has none any more."
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <EmptyState title="No businesses yet">
            {if can_add {
                "A business is one of your customers. Add the first one below; then its locations, its people and its devices."
            } else {
                "Nobody has given you a business to look after. Ask an MSP admin."
            }}
        </EmptyState>
    }
    .into_any()
}

#[component]
fn BusinessTable(businesses: Vec<BusinessView>, asked: Memo<Listing>) -> impl IntoView {
    let shown = asked.get_untracked();
    let head = move |label: &'static str, word: &'static str, class: &'static str| {
        let is_sorted = shown.is_sorted_by(word, "name");
        let href = Signal::derive(move || asked.with(|asked| asked.sorted_by(word, "name")));
        view! { <SortHead label href is_sorted descending=is_sorted && shown.flag("descending") class/> }
    };
    let rows = businesses.into_iter().map(|business| {
        let devices = format!("/devices?business_id={}", business.id);
        view! {
            <tr>
                <td class="main">
                    <a class="row-link" href=format!("/businesses/{}", business.id)>{business.business_name.clone()}</a>
                    {(!business.is_active).then(|| view! { " " <Status kind=StatusKind::Off word="Switched off"/> })}
                </td>
                <td class="aside">
                    <a class="row-other" href=devices aria-label=format!("Devices of {}", business.business_name)>
                        <Count value=business.devices.total()/>
                    </a>
                </td>
                <td class="sub business-presence">
                    <PresenceBar counts=business.devices label=business.business_name/>
                </td>
                <td class="num"><Count value=business.service_locations/></td>
                <td class="num"><Count value=business.users/></td>
                <td class="sub-aside"><Time at=business.created_at/></td>
            </tr>
        }
    });
    view! {
        <Table label="Businesses">
            <thead>
                <tr>
                    {head("Name", "name", "main")}
                    <th scope="col" class="aside">"Devices"</th>
                    <th scope="col" class="sub business-presence">"Presence"</th>
                    <th scope="col" class="num">"Locations"</th>
                    <th scope="col" class="num">"People"</th>
                    {head("Added", "added", "sub-aside")}
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
