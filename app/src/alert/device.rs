//! The alerts of one device: all in a tab, the open ones on its overview.

use super::{
    calls::{AcknowledgeAlert, list_device_alerts},
    list::{AlertFilter, AlertsFound, KEYS, question},
    table::AlertTable,
};
use crate::{
    layout::refetch_after,
    live,
    ui::{Listing, Load, Panel},
};
use entity::{alert::AlertQuery, id::DeviceId, portal_event::PortalEvent};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

fn is_about(event: &PortalEvent, id: DeviceId) -> bool {
    matches!(event, PortalEvent::Alert { device_id, .. } if *device_id == id)
}

/// What needed a person on a device.
#[component]
pub fn AlertsTab(
    /// Which device.
    id: DeviceId,
    /// The address of the tab.
    path: String,
) -> impl IntoView {
    let params = use_query_map();
    let here = path.clone();
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url(here.clone(), params, &KEYS)));
    let alerts = Resource::new(move || asked.get(), move |asked| list_device_alerts(id, question(&asked)));
    live::refetch_on(alerts, move |event| is_about(event, id));
    let acknowledge = ServerAction::<AcknowledgeAlert>::new();
    refetch_after(acknowledge, alerts);
    let filter_path = path.clone();
    view! {
        {move || view! { <AlertFilter asked=asked.get() businesses=None path=filter_path.clone()/> }}
        <Load resource=alerts let:page>
            <AlertsFound page asked=asked.get_untracked() path=path.clone() acknowledge/>
        </Load>
    }
}

/// What needs a person on a device now; nothing when nothing does.
#[component]
pub fn OpenAlerts(
    /// Which device.
    id: DeviceId,
) -> impl IntoView {
    let query = AlertQuery { open: Some(true), limit: Some(10), ..AlertQuery::default() };
    let alerts = Resource::new(|| (), move |()| list_device_alerts(id, query.clone()));
    live::refetch_on(alerts, move |event| is_about(event, id));
    let acknowledge = ServerAction::<AcknowledgeAlert>::new();
    refetch_after(acknowledge, alerts);
    view! {
        <Load resource=alerts skeleton=0 let:page>
            {(!page.items.is_empty()).then(|| view! {
                <Panel title="Open alerts"><AlertTable alerts=page.items acknowledge/></Panel>
            })}
        </Load>
    }
}
