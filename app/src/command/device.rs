//! The tab of a device: what it was asked, and a way to ask.

use super::{
    calls::list_commands,
    list::{CommandFilter, CommandsFound, KEYS, question},
    test_control::TestControls,
};
use crate::{
    layout::use_me,
    live,
    ui::{ButtonKind, LinkButton, Listing, Load},
};
use entity::{command::CommandQuery, id::DeviceId, policy::Action, portal_event::PortalEvent};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// The commands of a device.
#[component]
pub(crate) fn CommandsTab(
    /// Which device.
    id: DeviceId,
    /// The address of the tab.
    path: String,
) -> impl IntoView {
    let may_ask = use_me().may(Action::RequestCommand);
    let params = use_query_map();
    let here = path.clone();
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url(here.clone(), params, &KEYS)));
    let commands = Resource::new(
        move || asked.get(),
        move |asked| list_commands(CommandQuery { device_id: Some(id), ..question(&asked) }),
    );
    live::refetch_on(
        commands,
        move |event| matches!(event, PortalEvent::Command { device_id, .. } if *device_id == id),
    );
    let filter_path = path.clone();
    view! {
        {may_ask.then(|| view! {
            <div class="tab-actions">
                <LinkButton href=format!("/commands/new?devices={id}") kind=ButtonKind::Primary>"New command"</LinkButton>
            </div>
            <TestControls id/>
        })}
        {move || view! { <CommandFilter asked=asked.get() businesses=None path=filter_path.clone()/> }}
        <Load resource=commands let:page>
            <CommandsFound page asked=asked.get_untracked() path=path.clone()/>
        </Load>
    }
}
