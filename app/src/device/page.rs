//! The page of one device: its head, and tabs that each have an address.

use super::{
    activity::ActivityTab,
    calls::{AcknowledgeRecord, ChangeDevice, RevokeDevice, SettleClone, get_device},
    clone::CloneNotice,
    facts::FactsTab,
    head::DeviceHead,
    metrics::MetricsTab,
    overview::OverviewTab,
    record::RecordNotice,
    record_tab::RecordTab,
    services::ServicesTab,
    software::SoftwareTab,
    updates::UpdatesTab,
};
use crate::{
    alert::AlertsTab,
    command::CommandsTab,
    error::PortalError,
    error_report::ErrorsTab,
    layout::{NotFound, load_named, named_id, refetch_after, use_me},
    live,
    log_entry::LogsTab,
    ui::{Load, Tab, Tabs},
};
use entity::{device::DeviceView, id::DeviceId, portal_event::PortalEvent};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// What the tabs of a device share.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    /// Which device.
    pub(super) id: DeviceId,
    /// The device; follows what the server pushes.
    pub(super) device: Resource<Result<DeviceView, PortalError>>,
    /// Renames or moves it.
    pub(super) change: ServerAction<ChangeDevice>,
    /// Revokes it.
    pub(super) revoke: ServerAction<RevokeDevice>,
}

impl Shown {
    /// The address of one of its tabs.
    pub(super) fn path(self, tab: &str) -> String {
        tab_path(self.id, tab)
    }

    /// True when the event is about this device.
    pub(super) fn is_about(self, event: &PortalEvent) -> bool {
        event.device_id() == Some(self.id)
    }
}

/// The address of a tab; the first has no name.
fn tab_path(id: DeviceId, tab: &str) -> String {
    if tab.is_empty() { format!("/devices/{id}") } else { format!("/devices/{id}/{tab}") }
}

/// One device. What a tab loads is loaded beside the device, not after it.
#[component]
pub fn DevicePage() -> impl IntoView {
    let id = named_id::<DeviceId>("id");
    let device = load_named("id", get_device);
    let (change, revoke) = (ServerAction::new(), ServerAction::new());
    live::refetch_on(device, move |event| {
        event.device_id().is_some_and(|about| Some(about) == id.get_untracked())
    });
    refetch_after(change, device);
    refetch_after(revoke, device);
    let settle = ServerAction::<SettleClone>::new();
    refetch_after(settle, device);
    let seen = ServerAction::<AcknowledgeRecord>::new();
    refetch_after(seen, device);
    let is_msp = use_me().role.is_msp();
    let params = use_params_map();
    let tab = Memo::new(move |_| params.with(|params| params.get("tab").unwrap_or_default()));
    view! {
        <Load resource=device skeleton=2 let:device>
            <DeviceHead device=device.clone()/>
            <CloneNotice device=device.clone() settle/>
            <RecordNotice device=device.clone() seen/>
            <DeviceTabs device is_msp/>
        </Load>
        {move || id.get().map(|id| open_tab(&tab.get(), Shown { id, device, change, revoke }, is_msp))}
    }
}

fn open_tab(tab: &str, shown: Shown, is_msp: bool) -> AnyView {
    match tab {
        "" => view! { <OverviewTab shown/> }.into_any(),
        "metrics" => view! { <MetricsTab shown/> }.into_any(),
        "services" => view! { <ServicesTab shown/> }.into_any(),
        "software" => view! { <SoftwareTab shown/> }.into_any(),
        "facts" => view! { <FactsTab shown/> }.into_any(),
        "errors" => view! { <ErrorsTab id=shown.id path=shown.path("errors")/> }.into_any(),
        "logs" => view! { <LogsTab id=shown.id path=shown.path("logs")/> }.into_any(),
        "alerts" => view! { <AlertsTab id=shown.id path=shown.path("alerts")/> }.into_any(),
        "commands" => view! { <CommandsTab id=shown.id path=shown.path("commands")/> }.into_any(),
        // Which version the agent has is the provider's to decide, and to see.
        "updates" if is_msp => view! { <UpdatesTab shown/> }.into_any(),
        "record" => view! { <RecordTab shown/> }.into_any(),
        "activity" => view! { <ActivityTab shown/> }.into_any(),
        _ => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn DeviceTabs(device: DeviceView, is_msp: bool) -> impl IntoView {
    let tab = |label: &str, name: &str| Tab::new(label, tab_path(device.id, name));
    let software = match device.software_count {
        Some(count) => tab("Software", "software").count(count),
        None => tab("Software", "software"),
    };
    let mut items = vec![
        tab("Overview", ""),
        tab("Metrics", "metrics"),
        tab("Services", "services"),
        software,
        tab("Facts", "facts"),
        tab("Errors", "errors"),
        tab("Logs", "logs"),
        tab("Alerts", "alerts"),
        tab("Commands", "commands"),
        tab("Record", "record"),
        tab("Activity", "activity"),
    ];
    if is_msp {
        items.insert(items.len() - 2, tab("Updates", "updates"));
    }
    view! { <Tabs label="Device" items/> }
}
