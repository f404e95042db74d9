//! The head of a device's page: what it is called, how it is, and since when and why.

use crate::{
    layout::PageHead,
    monitored_service::{LockChip, ServicesWrong},
    ui::{Absent, Duration, Exact, OsName, PresenceStatus, Time},
};
use entity::{
    agent_state::AgentState,
    device::{DeviceState, DeviceView},
    presence::{LinkKind, Presence},
};
use leptos::prelude::*;

/// Name, status in words, and one line of facts.
#[component]
pub(super) fn DeviceHead(device: DeviceView) -> impl IntoView {
    let title = device.device_name.clone();
    view! {
        <PageHead
            title
            up=("Devices", super::query::PATH)
            facts=move || view! { <HeadFacts device=device.clone()/> }.into_any()
        />
    }
}

#[component]
fn HeadFacts(device: DeviceView) -> impl IntoView {
    let place = format!("/devices?business_id={}", device.business_id);
    let location = device.service_location_id.zip(device.location_name.clone());
    let uptime = device.latest.as_ref().and_then(|latest| latest.uptime_seconds);
    let is_online = device.presence == Presence::Online && device.state == DeviceState::Active;
    // Idle is what an agent that can be reached is; anything else is worth a word.
    let agent_state = device.agent_state.filter(|state| is_online && *state != AgentState::Idle);
    view! {
        <div class="device-head">
            <p class="device-status"><StatusSentence device=device.clone()/></p>
            {(device.services_wrong > 0).then(|| view! {
                <p class="device-status">
                    <a href=format!("/devices/{}/services", device.id)><ServicesWrong count=device.services_wrong/></a>
                    " not as wanted"
                </p>
            })}
            <ul class="fact-line">
                <li>
                    <a href=place>{device.business_name.clone()}</a>
                    {location.map(|(id, name)| view! { " · " <a href=format!("/service-locations/{id}")>{name}</a> })}
                </li>
                <li><LockChip lock=device.device_lock.clone()/></li>
                <li><OsName os=device.os_type version=os_version(&device)/></li>
                {is_online.then(|| view! {
                    <li>
                        "Up "
                        {match uptime {
                            Some(seconds) => view! { <Duration seconds/> }.into_any(),
                            None => view! { <Absent/> }.into_any(),
                        }}
                    </li>
                })}
                <li>"Agent " <span class="mono">{device.agent_version.clone()}</span>
                    {agent_state.map(|state| format!(" · {}", state.label()))}
                </li>
                {device.link.filter(|_| is_online).map(|link| view! { <li>{link_words(link)}</li> })}
            </ul>
        </div>
    }
}

/// Name and version of the operating system, as far as they are known.
pub(super) fn os_version(device: &DeviceView) -> Option<String> {
    let parts = [device.facts.os_name.clone(), device.facts.os_version.clone()];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// How the agent reaches the server.
pub(super) const fn link_words(link: LinkKind) -> &'static str {
    match link {
        LinkKind::Socket => "WebSocket",
        LinkKind::Polling => "HTTP polling, because sockets are blocked",
    }
}

/// The status, since when, and why.
#[component]
fn StatusSentence(device: DeviceView) -> impl IntoView {
    let since = device.presence_since.map(|at| view! { " since " <Exact at/> });
    let reason = device.disconnect_reason.map(entity::presence::DisconnectReason::sentence);
    let rest = match (device.state, device.presence) {
        (DeviceState::Revoked, _) => view! { " · its access was ended for good" }.into_any(),
        (DeviceState::Active, Presence::Online) => view! {
            {since} {reason.map(|reason| format!(" · before that, {reason}"))}
        }
        .into_any(),
        (DeviceState::Active, Presence::Offline) => view! {
            {since} {reason.map(|reason| format!(" · {reason}"))}
            {device.last_seen_at.map(|at| view! { " · last seen " <Time at/> })}
        }
        .into_any(),
        (DeviceState::Active, Presence::Unknown) => view! {
            " · registered " <Time at=device.created_at/> ", the agent has not reported yet"
        }
        .into_any(),
    };
    view! { <PresenceStatus presence=device.presence state=device.state/> {rest} }
}
