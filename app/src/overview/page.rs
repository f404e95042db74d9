//! The first page after signing in.

use super::{attention::Attention, calls::get_overview};
use crate::{
    approval::{WaitingPanel, waiting_for_me},
    error::PortalError,
    layout::{PageHead, use_me},
    live,
    ui::{ButtonKind, EmptyState, LinkButton, Load, Panel, PresenceBar, Table, format},
};
use entity::{
    approval::DecisionView,
    overview::{EstateRow, Overview},
    page::Page,
    policy::Action,
    portal_event::PortalEvent,
    user::Me,
};
use leptos::prelude::*;

/// What needs a person now, and the estate in one honest bar per business or place.
#[component]
pub fn OverviewPage() -> impl IntoView {
    let me = use_me();
    let may_decide = me.may(Action::Approve);
    let overview = Resource::new(|| (), move |()| load(may_decide));
    live::refetch_on(overview, |event| {
        matches!(
            event,
            PortalEvent::Presence { .. }
                | PortalEvent::Registered { .. }
                | PortalEvent::Device { .. }
                | PortalEvent::Alert { .. }
                | PortalEvent::CommandRequest { .. }
                | PortalEvent::Rollout { .. }
        )
    });
    view! {
        <Load resource=overview let:found>
            <Content me=me.clone() overview=found.0 waiting=found.1/>
        </Load>
    }
}

/// The estate, and what waits for the one who is looking.
async fn load(may_decide: bool) -> Result<(Overview, Page<DecisionView>), PortalError> {
    Ok((get_overview().await?, waiting_for_me(may_decide).await?))
}

#[component]
fn Content(me: Me, overview: Overview, waiting: Page<DecisionView>) -> impl IntoView {
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
    // Beyond what one looks over, those with the most silent devices stand here.
    let others = me.role.is_msp() && overview.estate_total > estate.len() as u64;
    let all = others.then(|| format::count(overview.estate_total).number);
    view! {
        <PageHead title="Overview" facts action=add/>
        <Attention overview is_waited_for=!waiting.items.is_empty()/>
        <WaitingPanel waiting/>
        <Panel title>
            <Estate rows=estate/>
            {all.map(|all| view! { <p class="panel-more"><a href="/businesses">"All " {all} " businesses"</a></p> })}
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
