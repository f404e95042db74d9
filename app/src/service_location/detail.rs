//! The page of one service location: what is known of the place, and its devices in one bar.

use super::{
    calls::{ChangeLocation, get_location},
    form::LocationFields,
};
use crate::{
    layout::{PageHead, load_named, refetch_after, use_me},
    live,
    ui::{
        Absent, Badge, ButtonKind, Count, Exact, Fact, Facts, Form, Hidden, LinkButton, Load, Panel,
        PresenceBar, Submit,
    },
};
use entity::{
    policy::Action,
    portal_event::PortalEvent,
    service_location::{ServiceLocationInput, ServiceLocationView},
};
use leptos::prelude::*;

/// One service location.
#[component]
pub fn ServiceLocationPage() -> impl IntoView {
    let can_change = use_me().may(Action::ManageServiceLocation);
    let location = load_named("id", get_location);
    let change = ServerAction::<ChangeLocation>::new();
    live::refetch_on(location, |event| {
        matches!(event, PortalEvent::Presence { .. } | PortalEvent::Registered { .. })
    });
    refetch_after(change, location);
    view! {
        <Load resource=location let:location>
            <Head location=location.clone()/>
            <DevicesPanel location=location.clone()/>
            <KnownPanel location=location.clone()/>
            {can_change.then(|| view! { <ChangePanel location=location.clone() change/> })}
        </Load>
    }
}

#[component]
fn Head(location: ServiceLocationView) -> impl IntoView {
    let can_register = use_me().may(Action::RegisterDevice);
    let business = format!("/businesses/{}", location.business_id);
    let add =
        format!("/devices/add?business_id={}&service_location_id={}", location.business_id, location.id);
    let is_headquarters = location.is_headquarters;
    view! {
        <PageHead
            title=location.location_name
            up=(location.business_name, business)
            facts=move || is_headquarters.then(|| view! { <Badge>"Headquarters"</Badge> }).into_any()
            action=move || can_register.then(|| view! {
                <LinkButton href=add.clone() kind=ButtonKind::Primary>"Add device"</LinkButton>
            }).into_any()
        />
    }
}

#[component]
fn DevicesPanel(location: ServiceLocationView) -> impl IntoView {
    let all = format!("/devices?business_id={}&service_location_id={}", location.business_id, location.id);
    let total = location.devices.total();
    let may_ask = use_me().may(Action::RequestCommand) && total > 0;
    let ask = format!(
        "/commands/new?all=true&business_id={}&service_location_id={}",
        location.business_id, location.id
    );
    view! {
        <Panel
            title="Devices"
            actions=move || view! {
                {may_ask.then(|| view! { <a href=ask.clone()>"New command for all"</a> })}
                <a href=all.clone()>"All " <Count value=total/></a>
            }.into_any()
        >
            <PresenceBar counts=location.devices label=location.location_name/>
        </Panel>
    }
}

#[component]
fn KnownPanel(location: ServiceLocationView) -> impl IntoView {
    let known = |text: Option<String>| match text {
        Some(text) => text.into_any(),
        None => view! { <Absent/> }.into_any(),
    };
    let phone = location.contact_phone.map(|phone| {
        // Only what can be dialled; people write spaces, brackets and remarks.
        let dialled: String = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        view! { <a href=format!("tel:{dialled}") rel="external">{phone}</a> }
    });
    view! {
        <Panel title="The place">
            <Facts>
                <Fact label="Address">{known(location.address)}</Fact>
                <Fact label="Contact person">{known(location.contact_person)}</Fact>
                <Fact label="Phone">
                    {match phone {
                        Some(phone) => phone.into_any(),
                        None => view! { <Absent/> }.into_any(),
                    }}
                </Fact>
                <Fact label="Added"><Exact at=location.created_at/></Fact>
            </Facts>
        </Panel>
    }
}

#[component]
fn ChangePanel(location: ServiceLocationView, change: ServerAction<ChangeLocation>) -> impl IntoView {
    let input = ServiceLocationInput {
        location_name: location.location_name,
        address: location.address.unwrap_or_default(),
        contact_person: location.contact_person.unwrap_or_default(),
        contact_phone: location.contact_phone.unwrap_or_default(),
        is_headquarters: location.is_headquarters,
    };
    view! {
        <Panel title="Change">
            <Form action=change>
                <Hidden name="id" value=location.id.to_string()/>
                <LocationFields input/>
                <Submit>"Save"</Submit>
            </Form>
        </Panel>
    }
}
