//! The software installed on a device; searched and paged on the server.

use super::{
    calls::{get_device, list_software},
    page::Shown,
    query,
};
use crate::{
    live,
    ui::{Absent, EmptyState, FilterBar, FilterSearch, LinkButton, Load, Pager, Table, Time},
};
use entity::{page::Page, portal_event::PortalEvent, software_item::SoftwareItemView};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// One page of the inventory.
#[component]
pub(super) fn SoftwareTab(shown: Shown) -> impl IntoView {
    let params = use_query_map();
    let asked = Memo::new(move |_| {
        params.with(|params| {
            let text =
                |key| params.get(key).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            (text("search"), text("cursor"))
        })
    });
    let id = shown.id;
    let software = Resource::new(
        move || asked.get(),
        move |(search, cursor)| async move {
            let page = list_software(id, search, cursor).await?;
            let is_reported = !page.items.is_empty() || get_device(id).await?.software_count.is_some();
            Ok((page, is_reported))
        },
    );
    live::refetch_on(software, move |event| {
        matches!(event, PortalEvent::Device { .. }) && shown.is_about(event)
    });
    let path = shown.path("software");
    let filter_path = path.clone();
    view! {
        {move || {
            let search = asked.get().0.unwrap_or_default();
            view! {
                <FilterBar action=filter_path.clone()>
                    <FilterSearch label="Search name or vendor" value=search/>
                </FilterBar>
            }
        }}
        <Load resource=software let:found>
            <Found page=found.0 is_reported=found.1 asked=asked.get_untracked() path=path.clone()/>
        </Load>
    }
}

#[component]
fn Found(
    page: Page<SoftwareItemView>,
    asked: (Option<String>, Option<String>),
    path: String,
    is_reported: bool,
) -> impl IntoView {
    let (search, cursor) = asked;
    if page.items.is_empty() {
        return match (is_reported, search) {
            (false, _) => view! {
                <EmptyState title="Not reported yet">
                    "The agent has not sent the software of this device. It does so within a few minutes of its start."
                </EmptyState>
            }
            .into_any(),
            (true, Some(search)) => view! {
                <EmptyState
                    title="Nothing found"
                    action=move || view! { <LinkButton href=path.clone()>"Clear search"</LinkButton> }.into_any()
                >
                    {format!("No software on this device has “{search}” in its name or vendor.")}
                </EmptyState>
            }
            .into_any(),
            (true, None) => view! {
                <EmptyState title="No software">
                    "The agent found no package database that it can read on this device."
                </EmptyState>
            }
            .into_any(),
        };
    }
    let shown = page.items.len();
    let of = |cursor: Option<String>| query::link(&path, &[("search", search.clone()), ("cursor", cursor)]);
    let first = cursor.is_some().then(|| of(None));
    let next = page.next_cursor.map(|cursor| of(Some(cursor)));
    view! {
        <SoftwareTable items=page.items/>
        <Pager shown total=page.total first_href=first next_href=next/>
    }
    .into_any()
}

#[component]
fn SoftwareTable(items: Vec<SoftwareItemView>) -> impl IntoView {
    let known = |text: Option<String>| match text {
        Some(text) => text.into_any(),
        None => view! { <Absent/> }.into_any(),
    };
    let rows = items.into_iter().map(move |item| {
        view! {
            <tr>
                <td class="main">{item.software_name}</td>
                <td class="aside mono">{item.software_version}</td>
                <td class="sub">{known(item.vendor)}</td>
                <td>{known(item.architecture)}</td>
                <td>{item.source}</td>
                <td class="sub-aside"><Time at=item.first_seen_at/></td>
            </tr>
        }
    });
    view! {
        <Table label="Software">
            <thead>
                <tr>
                    <th scope="col" class="main">"Name"</th>
                    <th scope="col" class="aside">"Version"</th>
                    <th scope="col" class="sub">"Vendor"</th>
                    <th scope="col">"Architecture"</th>
                    <th scope="col">"Source"</th>
                    <th scope="col" class="sub-aside">"First seen"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
