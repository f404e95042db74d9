//! What a device is: hardware, operating system, network and the agent on it.

use super::{head, page::Shown};
use crate::ui::{Absent, Bytes, CopyField, Count, Exact, Fact, Facts, Load, Panel};
use entity::{agent_state::AgentState, device::DeviceView, presence::Presence};
use leptos::prelude::*;

/// Everything that is known, under four headings.
#[component]
pub(super) fn FactsTab(shown: Shown) -> impl IntoView {
    view! {
        <Load resource=shown.device let:device>
            <div class="device-columns">
                <div class="device-column"><Machine device=device.clone()/> <System device=device.clone()/></div>
                <div class="device-column"><Network device=device.clone()/> <Agent device/></div>
            </div>
        </Load>
    }
}

/// What the agent is doing with itself; of one that cannot be reached it is what it last said.
fn state_words(state: AgentState, presence: Presence) -> String {
    if presence == Presence::Online || state == AgentState::Stopped {
        state.label().to_owned()
    } else {
        format!("{}, as it last said", state.label())
    }
}

fn known(value: Option<String>) -> AnyView {
    match value {
        Some(value) => value.into_any(),
        None => view! { <Absent/> }.into_any(),
    }
}

fn size(value: Option<u64>) -> AnyView {
    match value {
        Some(value) => view! { <Bytes value/> }.into_any(),
        None => view! { <Absent/> }.into_any(),
    }
}

fn number(value: Option<u32>) -> AnyView {
    match value {
        Some(value) => view! { <Count value=u64::from(value)/> }.into_any(),
        None => view! { <Absent/> }.into_any(),
    }
}

#[component]
fn Machine(device: DeviceView) -> impl IntoView {
    let facts = device.facts;
    view! {
        <Panel title="Machine">
            <Facts>
                <Fact label="Type">{known(facts.device_type.map(|kind| kind.label().to_owned()))}</Fact>
                <Fact label="Maker">{known(facts.manufacturer)}</Fact>
                <Fact label="Model">{known(facts.model)}</Fact>
                <Fact label="Serial number">{known(facts.serial_number)}</Fact>
                <Fact label="Virtualisation">{known(facts.virtualization)}</Fact>
                <Fact label="Processor">{known(facts.cpu_model)}</Fact>
                <Fact label="Cores">{number(facts.cpu_cores)}</Fact>
                <Fact label="Logical processors">{number(facts.cpu_threads)}</Fact>
                <Fact label="Memory">{size(facts.memory_total_bytes)}</Fact>
                <Fact label="Local disks">{size(facts.disk_total_bytes)}</Fact>
            </Facts>
        </Panel>
    }
}

#[component]
fn System(device: DeviceView) -> impl IntoView {
    let facts = device.facts;
    view! {
        <Panel title="Operating system">
            <Facts>
                <Fact label="Family">{device.os_type.label()}</Fact>
                <Fact label="Name">{known(facts.os_name)}</Fact>
                <Fact label="Version">{known(facts.os_version)}</Fact>
                <Fact label="Kernel">{known(facts.kernel_version)}</Fact>
                <Fact label="Architecture">{device.os_architecture.word()}</Fact>
                <Fact label="Time zone">{known(facts.timezone)}</Fact>
            </Facts>
        </Panel>
    }
}

#[component]
fn Network(device: DeviceView) -> impl IntoView {
    let facts = device.facts;
    let hostname = Some(facts.hostname).filter(|name| !name.is_empty());
    let addresses = facts.ip_addresses;
    view! {
        <Panel title="Network">
            <Facts>
                <Fact label="Host name">{known(hostname)}</Fact>
                <Fact label="Addresses">
                    {if addresses.is_empty() {
                        view! { <Absent/> }.into_any()
                    } else {
                        let items = addresses.into_iter().map(|address| view! { <li class="mono">{address}</li> });
                        view! { <ul class="plain-list">{items.collect_view()}</ul> }.into_any()
                    }}
                </Fact>
                <Fact label="Hardware address"><span class="mono">{known(facts.mac_address)}</span></Fact>
            </Facts>
        </Panel>
    }
}

#[component]
fn Agent(device: DeviceView) -> impl IntoView {
    let link = device.link.map(|link| head::link_words(link).to_owned());
    view! {
        <Panel title="Agent">
            <Facts>
                <Fact label="Version"><span class="mono">{device.agent_version}</span></Fact>
                <Fact label="State">
                    {match device.agent_state {
                        Some(state) => {
                            view! {
                                <span class="mono">{state.word()}</span>
                                <span class="quiet">{format!(" {}", state_words(state, device.presence))}</span>
                            }
                            .into_any()
                        }
                        None => view! { <Absent/> }.into_any(),
                    }}
                </Fact>
                <Fact label="Link">{known(link)}</Fact>
                <Fact label="Registered"><Exact at=device.created_at/></Fact>
                <Fact label="Last seen">{device.last_seen_at.map(|at| view! { <Exact at/> })}</Fact>
                <Fact label="Last sample">{device.last_metrics_at.map(|at| view! { <Exact at/> })}</Fact>
                <Fact label="Samples lost">
                    <Count value=device.samples_dropped/>
                    <span class="quiet">" dropped on the device because its spool was full"</span>
                </Fact>
            </Facts>
            <CopyField label="Device id" value=device.id.to_string()/>
            <CopyField label="Key fingerprint" value=device.key_fingerprint/>
            <p class="field-hint">"Compare it with what " <code>"reeve-agent status"</code> " prints on the machine."</p>
        </Panel>
    }
}
