//! The page of one business: its devices in one bar, its places, its people.

use super::{
    calls::{RenameBusiness, SetBusinessActive, SetBusinessChannel, get_business},
    form::{ChannelPanel, RenamePanel, SwitchPanel},
    locations::LocationsPanel,
    people::PeoplePanel,
};
use crate::{
    layout::{PageHead, load_named, named_id, refetch_after, use_me},
    live,
    log_entry::BusinessMonitoringPanels,
    monitored_service::MonitoredServicesPanel,
    service_location::calls::{AddLocation, list_locations},
    ui::{ButtonKind, Count, Exact, LinkButton, Load, Panel, PresenceBar, Status, StatusKind},
    user::calls::list_users,
};
use entity::{
    business::BusinessView, id::BusinessId, policy::Action, portal_event::PortalEvent,
    service_location::ServiceLocationQuery, user::UserQuery,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// One business.
#[component]
pub fn BusinessPage() -> impl IntoView {
    let me = use_me();
    let can_manage = me.may(Action::ManageBusiness);
    let can_see_people = me.may(Action::ViewUser);
    let business = load_named("id", get_business);
    // Loaded for themselves, so that they are not loaded anew whenever a device comes or goes.
    let params = use_query_map();
    let cursor = Memo::new(move |_| params.with(|params| params.get("cursor")));
    let locations = load_named("id", move |id| {
        list_locations(ServiceLocationQuery {
            business_id: Some(id),
            cursor: cursor.get_untracked(),
            ..ServiceLocationQuery::default()
        })
    });
    Effect::new(move |former: Option<Option<String>>| {
        let cursor = cursor.get();
        if former.is_some_and(|former| former != cursor) {
            locations.refetch();
        }
        cursor
    });
    let people = can_see_people.then(|| {
        load_named("id", |id| list_users(UserQuery { business_id: Some(id), ..UserQuery::default() }))
    });
    let rename = ServerAction::<RenameBusiness>::new();
    let add_location = ServerAction::<AddLocation>::new();
    let shown = named_id::<BusinessId>("id");
    live::refetch_on(business, move |event| match event {
        PortalEvent::Presence { business_id, .. } | PortalEvent::Registered { business_id, .. } => {
            shown.get_untracked() == Some(*business_id)
        }
        _ => false,
    });
    let switch = ServerAction::<SetBusinessActive>::new();
    refetch_after(rename, business);
    refetch_after(switch, business);
    let channel = ServerAction::<SetBusinessChannel>::new();
    refetch_after(channel, business);
    refetch_after(add_location, locations);
    view! {
        <Load resource=business let:business>
            <Head business=business.clone()/>
            <DevicesPanel business=business.clone()/>
            <LocationsPanel id=business.id locations add=add_location/>
            {people.map(|people| view! { <PeoplePanel id=business.id people/> })}
            {can_manage.then(|| view! {
                <ChannelPanel business=business.clone() change=channel/>
                <RenamePanel business=business.clone() rename/>
                <SwitchPanel business=business.clone() switch/>
            })}
        </Load>
        <MonitoredServicesPanel/>
        <BusinessMonitoringPanels/>
    }
}

#[component]
fn Head(business: BusinessView) -> impl IntoView {
    let me = use_me();
    let can_register = me.may(Action::RegisterDevice);
    let add = format!("/devices/add?business_id={}", business.id);
    let can_register = can_register && business.is_active;
    let BusinessView { business_name, created_at, is_active, .. } = business;
    view! {
        <PageHead
            title=business_name
            up=("Businesses", "/businesses")
            facts=move || view! {
                {(!is_active).then(|| view! { <Status kind=StatusKind::Off word="Switched off"/> })}
                <span>"Added " <Exact at=created_at/></span>
            }.into_any()
            action=move || can_register.then(|| view! {
                <LinkButton href=add.clone() kind=ButtonKind::Primary>"Add device"</LinkButton>
            }).into_any()
        />
    }
}

#[component]
fn DevicesPanel(business: BusinessView) -> impl IntoView {
    let all = format!("/devices?business_id={}", business.id);
    let offline = format!("/devices?business_id={}&status=offline", business.id);
    let silent = business.devices.offline;
    let total = business.devices.total();
    let may_ask = use_me().may(Action::RequestCommand) && total > 0;
    let ask = format!("/commands/new?all=true&business_id={}", business.id);
    view! {
        <Panel
            title="Devices"
            actions=move || view! {
                {may_ask.then(|| view! { <a href=ask.clone()>"New command for all"</a> })}
                <a href=all.clone()>"All " <Count value=total/></a>
            }.into_any()
        >
            <PresenceBar counts=business.devices label=business.business_name/>
            {(silent > 0).then(|| view! { <p><a href=offline>"Show those that are offline"</a></p> })}
        </Panel>
    }
}
