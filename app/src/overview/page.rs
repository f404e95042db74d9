//! The first page after signing in.

use super::{attention::Attention, calls::get_overview};
use crate::{
    layout::{PageHead, use_me},
    live,
    ui::{ButtonKind, EmptyState, LinkButton, Load, Panel, PresenceBar, Table, format},
};
use entity::{
    overview::{EstateRow, Overview},
    policy::Action,
    portal_event::PortalEvent,
    user::Me,
};
use leptos::prelude::*;

/// What needs a person now, and the estate in one honest bar per business or place.
#[component]
pub fn OverviewPage() -> impl IntoView {
    let me = use_me();
    let overview = Resource::new(|| (), |()| get_overview());
    live::refetch_on(overview, |event| {
        matches!(
            event,
            PortalEvent::Presence { .. } | PortalEvent::Registered { .. } | PortalEvent::Device { .. }
        )
    });
    view! {
        <Load resource=overview let:overview>
            <Content me=me.clone() overview/>
        </Load>
    }
}

#[component]
fn Content(me: Me, overview: Overview) -> impl IntoView {
    let may_add = me.may(Action::RegisterDevice);
    let add = move || {
        may_add.then(
            || view! { <LinkButton href="/devices/add" kind=ButtonKind::Primary>"Add device"</LinkButton> },
        )
    };
    let total = overview.devices.total();
    if total == 0 {
        return view! {
            <PageHead title="Overview"/>
            <EmptyState title="No devices yet" action=add>
                {if may_add {
                    "Add the first device: choose where it belongs, run one line on it, and it appears here."
                } else {
                    "Devices appear here as soon as your provider has added them."
                }}
            </EmptyState>
        }
        .into_any();
    }
    let title = if me.role.is_msp() { "Businesses" } else { "Locations" };
    let devices = overview.devices;
    let facts = move || {
        let noun = if total == 1 { "device" } else { "devices" };
        format!("{} {noun}, {} online", format::count(total), format::count(devices.online))
    };
    let estate = overview.estate.clone();
    view! {
        <PageHead title="Overview" facts action=add/>
        <Attention overview/>
        <Panel title>
            <Estate rows=estate/>
        </Panel>
    }
    .into_any()
}

#[component]
fn Estate(rows: Vec<EstateRow>) -> impl IntoView {
    let rows = rows.into_iter().map(|row| {
        let href = match row.service_location_id {
            Some(id) => format!("/devices?service_location_id={id}"),
            None => format!("/devices?business_id={}", row.business_id),
        };
        view! {
            <tr>
                <td class="main"><a class="row-link" href=href>{row.name.clone()}</a></td>
                <td class="aside num">{format::count(row.devices.total()).number}</td>
                <td class="sub estate-bar"><PresenceBar counts=row.devices label=row.name/></td>
            </tr>
        }
    });
    view! {
        <Table label="Devices by presence">
            <thead>
                <tr>
                    <th scope="col" class="main">"Name"</th>
                    <th scope="col" class="aside num">"Devices"</th>
                    <th scope="col" class="sub">"Presence"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
