//! Waiting for a machine: shows the line to run once, and turns into the device the moment it registers.

use super::{
    calls::{RevokeToken, get_token, take_secret},
    commands::InstallCommands,
    state::{again_href, place_words},
};
use crate::{
    device::calls::get_device,
    error::PortalError,
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
    let found = load_named("token_id", load);
    // Not loaded anew with the token: the secret is given out once.
    let secret = load_named("token_id", take_secret);
    let revoke = ServerAction::<RevokeToken>::new();
    let arrived = StoredValue::new(None::<DeviceId>);
    live::refetch_on(found, move |event| {
        let is_new = matches!(event, PortalEvent::Registered { .. });
        is_new || event.device_id().is_some_and(|about| Some(about) == arrived.get_value())
    });
    refetch_after(revoke, found);
    view! {
        <Load resource=found let:found>
            {
                let (token, device) = found;
                arrived.set_value(device.as_ref().map(|device| device.id));
                view! {
                    <TokenHead token=token.clone()/>
                    <div aria-live="polite">
                        {match device {
                            Some(device) => view! { <Arrived device/> }.into_any(),
                            None if token.state == RegistrationState::Issued => view! {
                                <Load resource=secret skeleton=4 let:secret>
                                    <Waiting token=token.clone() secret revoke/>
                                </Load>
                            }
                            .into_any(),
                            None => view! { <Over token/> }.into_any(),
                        }}
                    </div>
                }
            }
        </Load>
    }
}

/// The token, and the device once there is one.
async fn load(id: RegistrationTokenId) -> Result<(RegistrationTokenView, Option<DeviceView>), PortalError> {
    let token = get_token(id).await?;
    let device = match token.device_id {
        Some(device_id) => Some(get_device(device_id).await?),
        None => None,
    };
    Ok((token, device))
}

#[component]
fn TokenHead(token: RegistrationTokenView) -> impl IntoView {
    let place = place_words(&token);
    let title = token.device_name.unwrap_or_else(|| "New device".to_owned());
    view! { <PageHead title up=("Devices", "/devices") facts=move || place.clone().into_any()/> }
}

/// The token has become a device.
#[component]
fn Arrived(device: DeviceView) -> impl IntoView {
    view! {
        <Panel title="It is here">
            <ArrivedDevice device/>
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

/// The line to run, or why it is not shown.
#[component]
fn Waiting(
    token: RegistrationTokenView,
    secret: Option<IssuedRegistrationToken>,
    revoke: ServerAction<RevokeToken>,
) -> impl IntoView {
    let id = token.id;
    view! {
        {match secret {
            Some(issued) => view! { <CommandPanel token issued/> }.into_any(),
            None => view! { <ShownOnce token/> }.into_any(),
        }}
        <WaitingLine/>
        <RevokeButton id revoke/>
    }
}

#[component]
fn CommandPanel(token: RegistrationTokenView, issued: IssuedRegistrationToken) -> impl IntoView {
    view! {
        <Panel title="Run this line on the machine">
            <InstallCommands issued/>
            <Notice kind=StatusKind::Warn>
                "The line is a secret and is shown only now. It registers one machine and works until "
                <Exact at=token.expires_at/> "."
            </Notice>
        </Panel>
    }
}

#[component]
fn ShownOnce(token: RegistrationTokenView) -> impl IntoView {
    view! {
        <Panel title="The line was shown once">
            <p>
                "Only the person who made it saw it, and only then. If it was run on the machine, this page shows the \
                 device as soon as it registers. If it is lost, make a new one and revoke this one."
            </p>
            <div class="button-row">
                <LinkButton href=again_href(&token) kind=ButtonKind::Primary>"Make a new one"</LinkButton>
            </div>
        </Panel>
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
