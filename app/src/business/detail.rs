//! The page of one business: its devices in one bar, its places, its people.

use super::{
    calls::{RenameBusiness, SetBusinessActive, get_business},
    form::{RenamePanel, SwitchPanel},
    locations::LocationsPanel,
    people::PeoplePanel,
};
use crate::{
    layout::{PageHead, load_named, refetch_after, use_me},
    live,
    service_location::calls::{AddLocation, list_locations},
    ui::{ButtonKind, Count, Exact, LinkButton, Load, Panel, PresenceBar, Status, StatusKind},
    user::calls::list_users,
};
use entity::{business::BusinessView, policy::Action, portal_event::PortalEvent};
use leptos::prelude::*;

/// One business.
#[component]
pub fn BusinessPage() -> impl IntoView {
    let me = use_me();
    let can_manage = me.may(Action::ManageBusiness);
    let can_see_people = me.may(Action::ViewUser);
    let business = load_named("id", get_business);
    // Loaded for themselves, so that they are not loaded anew whenever a device comes or goes.
    let locations = load_named("id", |id| list_locations(Some(id)));
    let people = can_see_people.then(|| load_named("id", |id| list_users(Some(id))));
    let rename = ServerAction::<RenameBusiness>::new();
    let add_location = ServerAction::<AddLocation>::new();
    live::refetch_on(business, |event| {
        matches!(event, PortalEvent::Presence { .. } | PortalEvent::Registered { .. })
    });
    let switch = ServerAction::<SetBusinessActive>::new();
    refetch_after(rename, business);
    refetch_after(switch, business);
    refetch_after(add_location, locations);
    view! {
        <Load resource=business let:business>
            <Head business=business.clone()/>
            <DevicesPanel business=business.clone()/>
            <LocationsPanel id=business.id locations add=add_location/>
            {people.map(|people| view! { <PeoplePanel id=business.id people/> })}
            {can_manage.then(|| view! {
                <RenamePanel business=business.clone() rename/>
                <SwitchPanel business=business.clone() switch/>
            })}
        </Load>
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
    view! {
        <Panel
            title="Devices"
            actions=move || view! { <a href=all.clone()>"All " <Count value=total/></a> }.into_any()
        >
            <PresenceBar counts=business.devices label=business.business_name/>
            {(silent > 0).then(|| view! { <p><a href=offline>"Show those that are offline"</a></p> })}
        </Panel>
    }
}
