//! The logs of one device, in a tab of its page, and where its agent looks.

use super::{
    calls::{SetDeviceSources, get_device_sources, list_device_logs},
    filter::LogFilter,
    lines::LiveLines,
    query,
    sources::SourcesForm,
};
use crate::{
    layout::{refetch_after, use_me},
    live,
    ui::{Count, Hidden, Load, Notice, Panel, StatusKind},
};
use entity::{
    id::DeviceId,
    log_entry::{LogSourcesView, LogTotals},
    policy::Action,
    portal_event::PortalEvent,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// What a device wrote about things going wrong.
#[component]
pub fn LogsTab(
    /// Which device.
    id: DeviceId,
    /// The address of the tab.
    path: String,
) -> impl IntoView {
    let params = use_query_map();
    let here = path.clone();
    let asked = Memo::new(move |_| params.with(|params| query::asked(here.clone(), params)));
    let lines =
        Resource::new(move || asked.get(), move |asked| list_device_logs(id, query::question(&asked)));
    let sources = Resource::new(|| (), move |()| get_device_sources(id));
    live::refetch_on(
        sources,
        move |event| matches!(event, PortalEvent::Logs { device_id, .. } if *device_id == id),
    );
    let set = ServerAction::<SetDeviceSources>::new();
    refetch_after(set, sources);
    let filter_path = path.clone();
    view! {
        {move || view! { <LogFilter asked=asked.get() path=filter_path.clone() businesses=None/> }}
        <LiveLines
            lines
            asked
            path
            nothing="This device has sent no warning and nothing worse. When it does, it stands here within seconds."
            matters=|event, device| {
                matches!(event, PortalEvent::Logs { device_id, .. } if Some(*device_id) == device)
            }
            device=Some(id)
        />
        <Load resource=sources skeleton=2 let:view>
            <Sources id view set/>
        </Load>
    }
}

#[component]
fn Sources(id: DeviceId, view: LogSourcesView, set: ServerAction<SetDeviceSources>) -> impl IntoView {
    let can_set = use_me().may(Action::ManageMonitoring);
    let LogTotals { suppressed, dropped } = view.totals.clone().unwrap_or_default();
    let lost = (suppressed > 0 || dropped > 0).then(|| {
        view! {
            <Notice kind=StatusKind::Info>
                <Count value=suppressed/> " lines were left out because a source wrote more than its share, and "
                <Count value=dropped/> " were dropped because the device could not keep them."
            </Notice>
        }
    });
    view! {
        <Panel title="What is followed">
            {lost}
            <SourcesForm action=set view can_set whose="device">
                <Hidden name="id" value=id.to_string()/>
            </SourcesForm>
        </Panel>
    }
}
