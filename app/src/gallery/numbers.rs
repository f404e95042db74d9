//! Numbers, rows and charts.

use super::{Part, data};
use crate::ui::{
    Absent, Bytes, BytesPerSecond, Count, Duration, Exact, LineChart, Meter, OptionTime, OsName, Pager,
    Percent, PresenceBar, PresenceStatus, SortHead, Sparkline, Table, Time, Unit, clock::use_now,
};
use chrono::TimeDelta;
use entity::{business::PresenceCounts, platform::Os, presence::Presence};
use leptos::prelude::*;

#[component]
pub(super) fn Numbers() -> impl IntoView {
    let now = use_now().get_untracked();
    view! {
        <Part title="Numbers">
            <div class="gallery-row">
                <Bytes value=1_610_612_736/>
                <BytesPerSecond value=48_200.0/>
                <Percent value=Some(41.6)/>
                <Percent value=None/>
                <Count value=1_234_567/>
                <Duration seconds=356_461/>
                <Absent/>
                <OsName os=Os::Linux version=Some("Debian GNU/Linux 12".to_owned())/>
                <Time at=now - TimeDelta::minutes(4)/>
                <OptionTime at=None/>
                <Exact at=now/>
            </div>
            <div class="gallery-row">
                <Meter percent=Some(12.4) label="Memory"/>
                <Meter percent=Some(94.2) label="Disk"/>
                <Meter percent=None label="Disk"/>
                <Sparkline points=data::sparkline() label="Processors, last hour"/>
            </div>
            <PresenceBar counts=PresenceCounts { online: 182, offline: 5, unknown: 3 } label="Northwind"/>
        </Part>
    }
}

#[component]
pub(super) fn Rows() -> impl IntoView {
    let rows = [
        ("web-01", Presence::Online, Some(42.0), "Debian 12"),
        ("db-01", Presence::Offline, Some(96.0), "Ubuntu 24.04"),
        ("desk-07", Presence::Unknown, None, "Windows 11"),
    ];
    let rows = rows.map(|(name, presence, disk, os)| {
        view! {
            <tr>
                <td class="aside"><PresenceStatus presence/></td>
                <td class="main"><a class="row-link" href="/ui">{name}</a></td>
                <td class="sub">"Northwind · Harbour Street"</td>
                <td>{os}</td>
                <td class="sub-aside"><Meter percent=disk label="Disk"/></td>
                <td><Sparkline points=data::sparkline() label="Processors, last hour"/></td>
            </tr>
        }
    });
    view! {
        <Part title="Table">
            <Table label="Devices of the gallery">
                <thead>
                    <tr>
                        <SortHead label="Status" href="/ui" is_sorted=false descending=false class="aside"/>
                        <SortHead label="Name" href="/ui" is_sorted=true descending=false class="main"/>
                        <th scope="col" class="sub">"Where"</th>
                        <th scope="col">"System"</th>
                        <SortHead label="Disk" href="/ui" is_sorted=false descending=true class="sub-aside"/>
                        <th scope="col">"Processors"</th>
                    </tr>
                </thead>
                <tbody>{rows.into_iter().collect_view()}</tbody>
            </Table>
            <Pager shown=3 total=Some(10_000) next_href=Some("/ui?cursor=3".to_owned())/>
        </Part>
    }
}

#[component]
pub(super) fn Charts() -> impl IntoView {
    let chosen = RwSignal::new(None);
    let end = data::start() + TimeDelta::hours(24);
    view! {
        <Part title="Line chart">
            <LineChart
                title="Processors and memory"
                series=vec![data::series("Processors", 40.0, 22.0), data::series("Memory", 62.0, 4.0)]
                start=data::start()
                end
                interval_seconds=data::INTERVAL_SECONDS
                unit=Unit::Percent
                threshold=Some(90.0)
                on_range=Callback::new(move |range| chosen.set(Some(range)))
            />
            {move || chosen.get().map(|(from, to)| view! { <p><Exact at=from/> " to " <Exact at=to/></p> })}
            <LineChart
                title="Network"
                series=vec![data::series("Received", 4.0e6, 2.0e6), data::series("Sent", 9.0e5, 3.0e5)]
                start=data::start()
                end
                interval_seconds=data::INTERVAL_SECONDS
                unit=Unit::BytesPerSecond
            />
            <LineChart
                title="Load"
                series=vec![]
                start=data::start()
                end
                interval_seconds=data::INTERVAL_SECONDS
                unit=Unit::Load
            />
        </Part>
    }
}
