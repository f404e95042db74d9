//! The latest sample of a device: is it well at this moment.

use crate::{
    command::Shortcut,
    layout::use_me,
    ui::{
        Absent, Bytes, Count, Duration, Fact, Facts, Meter, Notice, Panel, Percent, StatusKind, Table, Time,
    },
};
use entity::{
    command::CommandKind,
    device::DeviceView,
    id::DeviceId,
    metric::{DiskSample, MetricSample, ProcessSample},
    policy::Action,
    presence::Presence,
};
use leptos::prelude::*;

/// Processors, memory, load and the like.
#[component]
pub(super) fn NowPanel(device: DeviceView) -> impl IntoView {
    view! {
        <Panel title="Now">
            {match device.latest.clone() {
                Some(latest) => view! { <Latest device latest/> }.into_any(),
                None => view! { <NoSample/> }.into_any(),
            }}
        </Panel>
    }
}

#[component]
fn NoSample() -> impl IntoView {
    view! { <p class="quiet">"The agent has not sent a sample yet. The first one comes within a minute of its start."</p> }
}

#[component]
fn Latest(device: DeviceView, latest: MetricSample) -> impl IntoView {
    let is_old = device.presence != Presence::Online;
    let total = device.facts.memory_total_bytes;
    let threads = device.facts.cpu_threads;
    view! {
        {is_old.then(|| view! {
            <Notice kind=StatusKind::Off>
                "The device is not connected. These values are from " <Time at=latest.collected_at/> "."
            </Notice>
        })}
        <Facts>
            <Fact label="CPU"><Meter percent=latest.cpu_percent label="CPU"/></Fact>
            <Fact label="Memory">
                <Meter percent=latest.memory_percent label="Memory"/>
                {latest.memory_used_bytes.map(|used| view! { <span class="quiet"><Used used total/></span> })}
            </Fact>
            <Fact label="Swap in use">
                {match latest.swap_used_bytes {
                    Some(value) => view! { <Bytes value/> }.into_any(),
                    None => view! { <Absent/> }.into_any(),
                }}
            </Fact>
            <Fact label="Load (1, 5, 15 min)">
                {match latest.load_average {
                    Some([one, five, fifteen]) => format!("{one:.2} · {five:.2} · {fifteen:.2}").into_any(),
                    None => view! { <Absent/> }.into_any(),
                }}
                {threads.map(|threads| view! { <span class="quiet">{format!(" on {threads} processors")}</span> })}
            </Fact>
            <Fact label="Up for">
                {match latest.uptime_seconds {
                    Some(seconds) => view! { <Duration seconds/> }.into_any(),
                    None => view! { <Absent/> }.into_any(),
                }}
            </Fact>
            <Fact label="Processes">
                {match latest.process_count {
                    Some(count) => view! { <Count value=u64::from(count)/> }.into_any(),
                    None => view! { <Absent/> }.into_any(),
                }}
            </Fact>
        </Facts>
    }
}

/// So much of so much.
#[component]
fn Used(used: u64, total: Option<u64>) -> impl IntoView {
    view! { <Bytes value=used/> {total.map(|total| view! { " of " <Bytes value=total/> })} }
}

/// Every local disk, fullest first.
#[component]
pub(super) fn DisksPanel(device: DeviceView) -> impl IntoView {
    let mut disks = device.latest.map(|latest| latest.disks).unwrap_or_default();
    disks.sort_by(|a, b| b.used_percent().total_cmp(&a.used_percent()));
    view! {
        <Panel title="Disks">
            {if disks.is_empty() {
                view! { <p class="quiet">"The agent has not reported a local disk."</p> }.into_any()
            } else {
                view! { <DisksTable disks/> }.into_any()
            }}
        </Panel>
    }
}

#[component]
fn DisksTable(disks: Vec<DiskSample>) -> impl IntoView {
    let rows = disks.into_iter().map(|disk| {
        let percent = disk.used_percent();
        view! {
            <tr>
                <td class="main mono" title=disk.device>{disk.mount}</td>
                <td class="aside disk-meter"><Meter percent=Some(percent) label="In use"/></td>
                <td class="sub"><Used used=disk.used_bytes total=Some(disk.total_bytes)/></td>
                <td class="sub-aside">{disk.file_system}</td>
            </tr>
        }
    });
    view! {
        <Table label="Disks">
            <thead>
                <tr>
                    <th scope="col" class="main">"Mounted at"</th>
                    <th scope="col" class="aside disk-meter">"In use"</th>
                    <th scope="col" class="sub">"Size"</th>
                    <th scope="col" class="sub-aside">"File system"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}

/// The processes that use most at this moment.
#[component]
pub(super) fn ProcessesPanel(device: DeviceView) -> impl IntoView {
    let id = device.id;
    let processes = device.latest.map(|latest| latest.top_processes).unwrap_or_default();
    view! {
        <Panel title="Top processes" facts="100 % is one processor">
            {if processes.is_empty() {
                view! { <p class="quiet">"The agent has not reported processes."</p> }.into_any()
            } else {
                view! { <ProcessesTable id processes/> }.into_any()
            }}
        </Panel>
    }
}

#[component]
fn ProcessesTable(id: DeviceId, processes: Vec<ProcessSample>) -> impl IntoView {
    let may_ask = use_me().may(Action::RequestCommand);
    let rows = processes.into_iter().map(move |process| {
        let name = process.name.clone();
        view! {
            <tr>
                <td class="main mono">{process.name}</td>
                <td class="sub num">{process.pid}</td>
                <td class="aside num"><Percent value=Some(process.cpu_percent)/></td>
                <td class="sub-aside num"><Bytes value=process.memory_bytes/></td>
                {may_ask.then(|| view! {
                    <td class="tools">
                        <Shortcut device=id kind=CommandKind::RestartProcess name=name.clone()/>
                        <Shortcut device=id kind=CommandKind::StopProcess name/>
                    </td>
                })}
            </tr>
        }
    });
    view! {
        <Table label="Top processes">
            <thead>
                <tr>
                    <th scope="col" class="main">"Program"</th>
                    <th scope="col" class="sub num">"Process id"</th>
                    <th scope="col" class="aside num">"CPU"</th>
                    <th scope="col" class="sub-aside num">"Memory"</th>
                    {may_ask.then(|| view! { <th scope="col" class="tools"><span class="visually-hidden">"What can be done"</span></th> })}
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
