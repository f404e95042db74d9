//! What needs a person now, one row each; one sentence when nothing does.

use crate::ui::{Notice, OptionTime, Panel, PresenceStatus, Status, StatusKind, Table, format};
use entity::{device::DeviceRow, overview::Overview};
use leptos::prelude::*;

/// The list, or the sentence.
#[component]
pub(super) fn Attention(
    overview: Overview,
    /// Something waits for the one who is looking.
    is_waited_for: bool,
) -> impl IntoView {
    let total = overview.devices.total();
    let is_well = overview.offline.is_empty()
        && overview.disks.is_empty()
        && overview.failed_services == 0
        && overview.open_alerts == 0
        && overview.rollouts_halted == 0
        && overview.rollouts_awaiting == 0;
    let tokens = (overview.waiting_tokens > 0).then(|| {
        let words = several(overview.waiting_tokens, "registration token waits", "registration tokens wait");
        view! { <Notice kind=StatusKind::Info><a href="/devices/tokens">{words} " for a machine"</a></Notice> }
    });
    if is_well && is_waited_for {
        // What waits says it all.
        return tokens.into_any();
    }
    if is_well {
        let sentence = match total {
            1 => "All is well: the device is online and nothing needs you.".to_owned(),
            _ if overview.devices.unknown > 0 => {
                "All is well: no device is offline and nothing needs you.".to_owned()
            }
            _ => {
                format!("All is well: all {} devices are online and nothing needs you.", format::count(total))
            }
        };
        return view! { <div class="stack"><Notice kind=StatusKind::Ok>{sentence}</Notice> {tokens}</div> }
            .into_any();
    }
    let more_offline = overview.devices.offline.saturating_sub(overview.offline.len() as u64);
    let more_disks = overview.disks_total.saturating_sub(overview.disks.len() as u64);
    let alerts = (overview.open_alerts > 0).then(|| {
        let words = several(overview.open_alerts, "alert is open", "alerts are open");
        view! { <Notice kind=StatusKind::Bad><a href="/alerts?open=true">{words}</a></Notice> }
    });
    let halted = (overview.rollouts_halted > 0).then(|| {
        let words = several(overview.rollouts_halted, "rollout has stopped", "rollouts have stopped");
        view! { <Notice kind=StatusKind::Bad><a href="/rollouts?state=halted">{words}</a></Notice> }
    });
    let awaiting = (overview.rollouts_awaiting > 0).then(|| {
        let words =
            several(overview.rollouts_awaiting, "rollout waits for your yes", "rollouts wait for your yes");
        view! { <Notice kind=StatusKind::Warn><a href="/rollouts?state=awaiting_approval">{words}</a></Notice> }
    });
    let services = (overview.failed_services > 0).then(|| {
        several(overview.failed_services, "system service has failed", "system services have failed")
    });
    let has_devices = !(overview.offline.is_empty() && overview.disks.is_empty());
    let devices = has_devices.then(|| view! {
        <Panel title="Needs a person">
            <Table label="Devices that need a person">
                <thead>
                    <tr>
                        <th scope="col" class="main">"Device"</th>
                        <th scope="col" class="sub">"What"</th>
                        <th scope="col">"Where"</th>
                        <th scope="col" class="aside">"Since"</th>
                    </tr>
                </thead>
                <tbody>
                    {overview.offline.into_iter().map(|device| view! { <OfflineRow device/> }).collect_view()}
                    {overview.disks.into_iter().map(|device| view! { <DiskRow device/> }).collect_view()}
                </tbody>
            </Table>
            <More number=more_offline words="more offline" href="/devices?status=offline"/>
            <More number=more_disks words="more with a full disk" href="/devices?sort=disk&descending=true"/>
        </Panel>
    });
    view! {
        <div class="stack">
            {alerts} {halted} {awaiting} {tokens} {services.map(|words| view! { <Notice kind=StatusKind::Bad>{words}</Notice> })}
        </div>
        {devices}
    }
    .into_any()
}

#[component]
fn OfflineRow(device: DeviceRow) -> impl IntoView {
    view! {
        <tr>
            <td class="main"><a class="row-link" href=format!("/devices/{}", device.id)>{device.device_name.clone()}</a></td>
            <td class="sub"><PresenceStatus presence=device.presence state=device.state/></td>
            <td>{place(&device)}</td>
            <td class="aside"><OptionTime at=device.presence_since none="not known"/></td>
        </tr>
    }
}

#[component]
fn DiskRow(device: DeviceRow) -> impl IntoView {
    let words =
        device.disk_percent.map(|percent| format!("Disk {} full", format::percent(f64::from(percent))));
    view! {
        <tr>
            <td class="main"><a class="row-link" href=format!("/devices/{}", device.id)>{device.device_name.clone()}</a></td>
            <td class="sub"><Status kind=StatusKind::Warn word=words.unwrap_or_else(|| "Disk nearly full".to_owned())/></td>
            <td>{place(&device)}</td>
            <td class="aside"><OptionTime at=device.last_seen_at none="not known"/></td>
        </tr>
    }
}

fn place(device: &DeviceRow) -> String {
    match &device.location_name {
        Some(location) => format!("{} · {location}", device.business_name),
        None => device.business_name.clone(),
    }
}

#[component]
fn More(number: u64, words: &'static str, href: &'static str) -> impl IntoView {
    (number > 0).then(
        || view! { <p class="panel-more"><a href=href>{format::count(number).number} " " {words}</a></p> },
    )
}

fn several(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", format::count(number), if number == 1 { one } else { many })
}
