//! The page of all devices within reach. All of its state is in the URL.

use super::{
    calls::list_devices,
    filter::DeviceFilter,
    query,
    table::DeviceTable,
    ticks::{AskAll, Choosing, Ticked},
};
use crate::{
    layout::{PageHead, use_me},
    live,
    ui::{EmptyState, LinkButton, Load, Pager},
};
use entity::{
    device::{DeviceQuery, DeviceRow},
    id::DeviceId,
    page::{PAGE_SIZE_MAX, Page},
    policy::Action,
    portal_event::PortalEvent,
    user::Role,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use std::collections::BTreeSet;

/// The devices, a page at a time.
#[component]
pub fn DeviceListPage() -> impl IntoView {
    let me = use_me();
    let (role, can_register) = (me.role, me.may(Action::RegisterDevice));
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(query::from_url));
    // A customer's devices stand under their service locations, which wants them on one page if that can be.
    let limit = (!role.is_msp()).then_some(PAGE_SIZE_MAX);
    let devices =
        Resource::new(move || asked.get(), move |asked| list_devices(DeviceQuery { limit, ..asked }));
    let shown = StoredValue::new(Vec::new());
    let ticked = me.may(Action::RequestCommand).then(|| Ticked::new(BTreeSet::new()));
    Effect::new(move |former: Option<DeviceQuery>| {
        let asked = asked.get();
        // What is not shown any more is not asked for anything either.
        if let Some(ticked) = ticked
            && former.is_some_and(|former| former != asked)
        {
            ticked.update(BTreeSet::clear);
        }
        asked
    });
    live::refetch_on(devices, move |event| {
        shown.with_value(|shown| changes_list(event, &asked.get_untracked(), shown))
    });
    view! {
        <PageHead
            title="Devices"
            action=move || can_register.then(|| view! { <AddButtons/> }).into_any()
        />
        <DeviceFilter asked/>
        <Load resource=devices let:page>
            {
                shown.set_value(page.items.iter().map(|row| row.id).collect());
                view! { <DevicesFound page asked role ticked/> }
            }
        </Load>
    }
}

/// What the rows cannot show by themselves: other rows, other names, other order.
fn changes_list(event: &PortalEvent, asked: &DeviceQuery, shown: &[DeviceId]) -> bool {
    match event {
        PortalEvent::Resync | PortalEvent::Registered { .. } => true,
        PortalEvent::Presence { .. } => asked.status.is_some(),
        PortalEvent::Device { device_id, .. } => shown.contains(device_id),
        PortalEvent::Metrics { .. }
        | PortalEvent::ErrorReport { .. }
        | PortalEvent::Logs { .. }
        | PortalEvent::Alert { .. }
        | PortalEvent::Command { .. }
        | PortalEvent::CommandOutput { .. }
        | PortalEvent::CommandRequest { .. }
        | PortalEvent::EmergencyStop { .. }
        | PortalEvent::Release
        | PortalEvent::Rollout { .. } => false,
    }
}

#[component]
fn AddButtons() -> impl IntoView {
    use crate::ui::ButtonKind;
    view! {
        <LinkButton href="/devices/tokens" kind=ButtonKind::Quiet>"Registration tokens"</LinkButton>
        <LinkButton href="/devices/add" kind=ButtonKind::Primary>"Add device"</LinkButton>
    }
}

#[component]
fn DevicesFound(
    page: Page<DeviceRow>,
    asked: Memo<DeviceQuery>,
    role: Role,
    ticked: Option<Ticked>,
) -> impl IntoView {
    let question = asked.get_untracked();
    if page.items.is_empty() {
        return view! { <NoDevices asked=question/> }.into_any();
    }
    let shown = page.items.len();
    let first = question.cursor.is_some().then(|| query::page(&question, None));
    let next = page.next_cursor.map(|cursor| query::page(&question, Some(cursor)));
    let total = page.total;
    let rows = page.items;
    view! {
        {match ticked {
            None => view! { <DeviceTable rows asked role ticked=None/> }.into_any(),
            Some(chosen) => view! {
                <Choosing ticked=chosen><DeviceTable rows asked role ticked/></Choosing>
            }.into_any(),
        }}
        <Pager shown total first_href=first next_href=next/>
        {ticked.map(|_| view! { <AskAll asked=question total/> })}
    }
    .into_any()
}

#[component]
fn NoDevices(asked: DeviceQuery) -> impl IntoView {
    if query::is_filtered(&asked) {
        return view! {
            <EmptyState
                title="No device matches"
                action=|| view! { <LinkButton href=query::PATH>"Clear filters"</LinkButton> }.into_any()
            >
                "No device within your reach matches all of these filters."
            </EmptyState>
        }
        .into_any();
    }
    if asked.cursor.is_some() {
        let first = query::page(&asked, None);
        return view! {
            <EmptyState
                title="Nothing more"
                action=move || view! { <LinkButton href=first.clone()>"First page"</LinkButton> }.into_any()
            >
                "This page of the list has no devices any more."
            </EmptyState>
        }
        .into_any();
    }
    if use_me().may(Action::RegisterDevice) {
        return view! {
            <EmptyState
                title="No devices yet"
                action=|| {
                    use crate::ui::ButtonKind;
                    view! { <LinkButton href="/devices/add" kind=ButtonKind::Primary>"Add device"</LinkButton> }
                        .into_any()
                }
            >
                "Add the first one: you get one line to run on the machine, and it appears here by itself."
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <EmptyState title="No devices yet">
            "Devices appear here as soon as your service provider has added them."
        </EmptyState>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use entity::{id::BusinessId, presence::Presence};

    #[test]
    fn the_list_is_loaded_anew_only_for_what_its_rows_cannot_show() {
        let id = |n: u8| format!("01890000-0000-7000-8000-0000000000{n:02}").parse().expect("a UUID");
        let (business_id, device_id) = (BusinessId(id(1)), DeviceId(id(2)));
        let presence = PortalEvent::Presence {
            business_id,
            device_id,
            presence: Presence::Offline,
            since: DateTime::UNIX_EPOCH,
        };
        let all = DeviceQuery::default();
        let offline = DeviceQuery { status: Some(Presence::Offline), ..DeviceQuery::default() };
        assert!(!changes_list(&presence, &all, &[device_id]));
        assert!(changes_list(&presence, &offline, &[]));

        let device = PortalEvent::Device { business_id, device_id };
        assert!(changes_list(&device, &all, &[device_id]));
        assert!(!changes_list(&device, &all, &[DeviceId(id(3))]));
    }
}
