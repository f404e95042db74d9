//! Lock two in the portal: what a device says of its lock. It is shown and cannot be changed from here.

use crate::ui::{
    CopyField, Exact, Fact, Facts, Keyhole, Keyholes, Notice, Panel, StatusKind, Time, clock::use_now,
};
use entity::device_lock::LockView;
use leptos::prelude::*;

/// Both locks of a device as a sign: each strong command needs an approval, and an open lock on the device.
#[component]
pub(crate) fn LockChip(lock: Option<LockView>) -> impl IntoView {
    let now = use_now();
    let is_open = Memo::new(move |_| lock.as_ref().is_some_and(|lock| lock.is_open(now.get())));
    move || {
        let (right, word) =
            if is_open.get() { (Keyhole::Open, "device armed") } else { (Keyhole::Closed, "device locked") };
        view! { <Keyholes left=Keyhole::Closed right/> " " {word} }
    }
}

/// What the lock on the device says, and how somebody at the device opens it.
#[component]
pub(crate) fn DeviceLockPanel(lock: Option<LockView>) -> impl IntoView {
    let now = use_now();
    let until = lock.as_ref().and_then(|lock| lock.armed_until);
    let is_open = Memo::new(move |_| until.is_some_and(|until| until > now.get()));
    let allow = lock.as_ref().map(|lock| lock.allow.clone()).unwrap_or_default();
    let trouble = lock.as_ref().and_then(|lock| lock.trouble.clone());
    let reported_at = lock.as_ref().map(|lock| lock.reported_at);
    view! {
        <Panel title="Lock on the device">
            {trouble.map(|text| view! {
                <Notice kind=StatusKind::Bad>"Locked, because its file cannot be trusted: " {text}</Notice>
            })}
            <p>
                {move || if is_open.get() {
                    "Armed: what is allowed below can be done on this device, together with an approval where one is needed."
                } else {
                    "Locked: nothing that cannot simply be undone is done on this device, whatever this server says."
                }}
            </p>
            <Facts>
                {until.map(|at| view! {
                    <Fact label="Armed until"><Exact at/></Fact>
                })}
                <Fact label="Allows while armed">
                    {if allow.is_empty() {
                        "nothing".into_any()
                    } else {
                        view! {
                            <ul class="lock-entries">
                                {allow.into_iter().map(|entry| view! { <li class="mono">{entry}</li> }).collect_view()}
                            </ul>
                        }
                        .into_any()
                    }}
                </Fact>
                {reported_at.map(|at| view! { <Fact label="Last told"><Time at/></Fact> })}
            </Facts>
            <p class="quiet">"Only an administrator at the device can change it, by typing there:"</p>
            <CopyField
                label="On the device"
                value="sudo reeve-agent lock arm --for 2h --allow restart_service:nginx"
            />
        </Panel>
    }
}
