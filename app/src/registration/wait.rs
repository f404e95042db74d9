//! Waiting for a machine: shows the line to run once, and turns into the device the moment it registers.

use super::{
    calls::{RevokeToken, get_token, take_secret},
    commands::InstallCommands,
    state::{again_href, place_words},
};
use crate::{
    device::calls::get_device,
    layout::{PageHead, load_named, refetch_after},
    live,
    ui::{
        ButtonKind, Confirm, Exact, Fact, Facts, Hidden, LinkButton, Load, Notice, OsName, Panel,
        PresenceStatus, Status, StatusKind, Time,
    },
};
use entity::{
    device::DeviceView,
    id::{DeviceId, RegistrationTokenId},
    portal_event::PortalEvent,
    registration::{IssuedRegistrationToken, RegistrationState, RegistrationTokenView},
};
use leptos::prelude::*;

/// One registration token, from its birth to the device that it becomes.
#[component]
pub fn WaitForDevicePage() -> impl IntoView {
    let token = load_named("token_id", get_token);
    // Not loaded anew with the token: the secret is given out once.
    let secret = load_named("token_id", take_secret);
    let revoke = ServerAction::<RevokeToken>::new();
    live::refetch_on(token, |event| matches!(event, PortalEvent::Registered { .. }));
    refetch_after(revoke, token);
    view! {
        <Load resource=secret let:secret>
            <Load resource=token let:token>
                <TokenPage token secret=secret.clone() revoke/>
            </Load>
        </Load>
    }
}

#[component]
fn TokenPage(
    token: RegistrationTokenView,
    secret: Option<IssuedRegistrationToken>,
    revoke: ServerAction<RevokeToken>,
) -> impl IntoView {
    let title = token.device_name.clone().unwrap_or_else(|| "New device".to_owned());
    let place = place_words(&token);
    let body = match (token.state, token.device_id, secret) {
        (RegistrationState::Consumed, Some(device_id), _) => view! { <Arrived device_id/> }.into_any(),
        (RegistrationState::Issued, _, Some(issued)) => view! { <Waiting token issued revoke/> }.into_any(),
        (RegistrationState::Issued, _, None) => view! { <ShownOnce token revoke/> }.into_any(),
        _ => view! { <Over token/> }.into_any(),
    };
    view! {
        <PageHead
            title
            up=("Devices".to_owned(), "/devices".to_owned())
            facts=move || place.clone().into_any()
        />
        <div aria-live="polite">{body}</div>
    }
}

/// The token has become a device.
#[component]
fn Arrived(device_id: DeviceId) -> impl IntoView {
    let device = Resource::new(move || device_id, get_device);
    live::refetch_on(device, move |event| event.device_id() == Some(device_id));
    view! {
        <Panel title="It is here">
            <Load resource=device skeleton=3 let:device>
                <ArrivedDevice device/>
            </Load>
        </Panel>
    }
}

#[component]
fn ArrivedDevice(device: DeviceView) -> impl IntoView {
    let href = format!("/devices/{}", device.id);
    let label = format!("Open {}", device.device_name);
    let version = device.facts.os_name.clone();
    view! {
        <Facts>
            <Fact label="Device"><strong>{device.device_name}</strong></Fact>
            <Fact label="Status"><PresenceStatus presence=device.presence state=device.state/></Fact>
            <Fact label="OS"><OsName os=device.os_type version/></Fact>
            <Fact label="Registered"><Time at=device.created_at/></Fact>
            <Fact label="First sample">
                {match device.last_metrics_at {
                    Some(at) => view! { <Time at/> }.into_any(),
                    None => "on its way".into_any(),
                }}
            </Fact>
        </Facts>
        <div class="button-row">
            <LinkButton href kind=ButtonKind::Primary>{label}</LinkButton>
            <LinkButton href="/devices/add">"Add another device"</LinkButton>
        </div>
    }
}

#[component]
fn Waiting(
    token: RegistrationTokenView,
    issued: IssuedRegistrationToken,
    revoke: ServerAction<RevokeToken>,
) -> impl IntoView {
    view! {
        <Panel title="Run this line on the machine">
            <InstallCommands issued/>
            <Notice kind=StatusKind::Warn>
                "The line is a secret and is shown only now. It registers one machine and works until "
                <Exact at=token.expires_at/> "."
            </Notice>
        </Panel>
        <WaitingLine/>
        <RevokeButton id=token.id revoke/>
    }
}

#[component]
fn ShownOnce(token: RegistrationTokenView, revoke: ServerAction<RevokeToken>) -> impl IntoView {
    let again = again_href(&token);
    view! {
        <Panel title="The line was shown once">
            <p>
                "Only the person who made it saw it, and only then. If it was run on the machine, this page shows the \
                 device as soon as it registers. If it is lost, make a new one and revoke this one."
            </p>
            <div class="button-row">
                <LinkButton href=again kind=ButtonKind::Primary>"Make a new one"</LinkButton>
            </div>
        </Panel>
        <WaitingLine/>
        <RevokeButton id=token.id revoke/>
    }
}

#[component]
fn WaitingLine() -> impl IntoView {
    view! {
        <p class="waiting">
            <Status kind=StatusKind::Info word="Waiting for the machine"/>
            <span class="needs-js quiet">"This page turns into the device the moment it registers."</span>
            <span class="without-js quiet">"Load this page again once the line has run."</span>
        </p>
    }
}

#[component]
fn RevokeButton(id: RegistrationTokenId, revoke: ServerAction<RevokeToken>) -> impl IntoView {
    view! {
        <Confirm action=revoke label="Revoke" title="Revoke this registration token?" confirm="Revoke token">
            <p>"No machine can register with it any more."</p>
            <Hidden name="id" value=id.to_string()/>
        </Confirm>
    }
}

/// Expired or revoked, or used for a device that is out of reach.
#[component]
fn Over(token: RegistrationTokenView) -> impl IntoView {
    let again = again_href(&token);
    let sentence = match token.state {
        RegistrationState::Expired => "Its time ran out before a machine used it.",
        RegistrationState::Revoked => "It was revoked before a machine used it.",
        RegistrationState::Issued | RegistrationState::Consumed => "A machine has used it.",
    };
    view! {
        <Panel title=format!("{}: no machine can register with this any more", token.state.label())>
            <p>{sentence} " Make a new one to add the machine."</p>
            <div class="button-row">
                <LinkButton href=again kind=ButtonKind::Primary>"Add device"</LinkButton>
            </div>
        </Panel>
    }
}
