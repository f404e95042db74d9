//! The table of devices. Its rows follow the server's pushes in place.

use super::{
    follow::ShownRow,
    query,
    ticks::{Tick, Ticked},
};
use crate::{
    live,
    monitored_service::ServicesWrong,
    ui::{Meter, OptionTime, OsName, PresenceStatus, SortHead, Sparkline, Table, clock::use_now},
};
use entity::{
    device::{DeviceQuery, DeviceRow, DeviceSort, DeviceState},
    id::DeviceId,
    overview::DISK_ATTENTION_PERCENT,
    presence::Presence,
    user::Role,
};
use leptos::prelude::*;

/// A row as it is shown, and the device it stands for.
type Shown = (DeviceId, RwSignal<ShownRow>);

/// The rows of one page; for a customer under the names of their service locations. With `ticked` they can be chosen.
#[component]
pub(super) fn DeviceTable(
    rows: Vec<DeviceRow>,
    asked: Memo<DeviceQuery>,
    role: Role,
    ticked: Option<Ticked>,
) -> impl IntoView {
    let now = use_now().get_untracked();
    let is_msp = role.is_msp();
    let groups: Vec<(Option<String>, Vec<Shown>)> =
        if is_msp { vec![(None, rows)] } else { by_location(rows) }
            .into_iter()
            .map(|(heading, rows)| {
                let shown = rows.into_iter().map(|row| (row.id, RwSignal::new(ShownRow::new(row, now))));
                (heading, shown.collect())
            })
            .collect();
    let all: Vec<Shown> = groups.iter().flat_map(|(_, rows)| rows.iter().copied()).collect();
    live::on_event(move |event| {
        let concerned = all.iter().find(|(id, _)| event.device_id() == Some(*id));
        if let Some((_, row)) = concerned {
            // The table may just have made way for a newer one.
            let _ = row.try_update(|row| row.follow(event));
        }
    });
    view! {
        <Table label="Devices">
            <Heads asked is_msp/>
            {groups.into_iter().map(|(heading, rows)| view! { <Group heading rows is_msp ticked/> }).collect_view()}
        </Table>
    }
}

/// Rows under the name of their service location, by that name; those without one come last.
fn by_location(rows: Vec<DeviceRow>) -> Vec<(Option<String>, Vec<DeviceRow>)> {
    let mut groups: Vec<(Option<String>, Vec<DeviceRow>)> = Vec::new();
    for row in rows {
        match groups.iter_mut().find(|(name, _)| *name == row.location_name) {
            Some((_, group)) => group.push(row),
            None => groups.push((row.location_name.clone(), vec![row])),
        }
    }
    groups.sort_by_key(|(name, _)| (name.is_none(), name.as_deref().map(str::to_lowercase)));
    let heading =
        |name: Option<String>| Some(name.unwrap_or_else(|| "Without a service location".to_owned()));
    groups.into_iter().map(|(name, rows)| (heading(name), rows)).collect()
}

#[component]
fn Heads(asked: Memo<DeviceQuery>, is_msp: bool) -> impl IntoView {
    let (sorted, descending) = asked.with_untracked(|asked| (asked.sort, asked.descending));
    let head = move |label: &'static str, sort: DeviceSort, class: &'static str| {
        let is_sorted = sorted.unwrap_or(DeviceSort::Name) == sort;
        let href = Signal::derive(move || asked.with(|asked| query::sorted_by(asked, sort)));
        view! { <SortHead label href is_sorted descending=is_sorted && descending class/> }
    };
    view! {
        <thead>
            <tr>
                {head("Name", DeviceSort::Name, "main")}
                {head("Status", DeviceSort::Status, "aside")}
                {is_msp.then(|| head("Business · location", DeviceSort::Business, "sub"))}
                {head("OS", DeviceSort::Os, if is_msp { "" } else { "sub" })}
                {head("CPU", DeviceSort::Cpu, "device-cpu")}
                {head("Memory", DeviceSort::Memory, "device-meter")}
                {head("Fullest disk", DeviceSort::Disk, "device-meter")}
                {is_msp.then(|| head("Agent", DeviceSort::Version, ""))}
                {head("Last seen", DeviceSort::LastSeen, "sub-aside")}
            </tr>
        </thead>
    }
}

#[component]
fn Group(heading: Option<String>, rows: Vec<Shown>, is_msp: bool, ticked: Option<Ticked>) -> impl IntoView {
    let count = rows.len();
    view! {
        <tbody>
            {heading.map(|heading| view! {
                <tr class="table-group">
                    <th scope="rowgroup" colspan="7">{heading} " " <span class="quiet">{count}</span></th>
                </tr>
            })}
            {rows.into_iter().map(|(_, row)| view! { <Row row is_msp ticked/> }).collect_view()}
        </tbody>
    }
}

#[component]
fn Row(row: RwSignal<ShownRow>, is_msp: bool, ticked: Option<Ticked>) -> impl IntoView {
    let DeviceRow {
        id,
        device_name,
        business_name,
        location_name,
        os_type,
        os_version,
        agent_version,
        state,
        services_wrong,
        ..
    } = row.with_untracked(|shown| shown.row.clone());
    let place = match location_name {
        Some(location) => format!("{business_name} · {location}"),
        None => business_name,
    };
    let is_stale = move || row.with(|shown| shown.row.presence != Presence::Online);
    view! {
        <tr class:is-stale=is_stale>
            <td class="main device-name" title=device_name.clone()>
                {ticked.filter(|_| state == DeviceState::Active).map(|ticked| view! {
                    <Tick id name=device_name.clone() ticked/>
                })}
                <a class="row-link" href=format!("/devices/{id}")>{device_name.clone()}</a>
                {(services_wrong > 0).then(|| view! { " " <ServicesWrong count=services_wrong/> })}
            </td>
            <td class="aside">
                {move || view! { <PresenceStatus presence=row.with(|shown| shown.row.presence) state/> }}
            </td>
            {is_msp.then(|| view! { <td class="sub device-place" title=place.clone()>{place.clone()}</td> })}
            <td class=if is_msp { "device-os" } else { "sub" }><OsName os=os_type version=os_version/></td>
            <td class="device-cpu">
                {move || row.with(|ShownRow { row, .. }| view! {
                    <Meter percent=row.cpu_percent label="CPU"/>
                    <Sparkline points=row.cpu_sparkline.clone() label="CPU over the last hour"/>
                })}
            </td>
            <td class="device-meter">
                {move || view! { <Meter percent=row.with(|shown| shown.row.memory_percent) label="Memory"/> }}
            </td>
            <td class="device-meter">
                {move || view! {
                    <Meter
                        percent=row.with(|shown| shown.row.disk_percent)
                        label="Fullest disk"
                        attention=DISK_ATTENTION_PERCENT
                    />
                }}
            </td>
            {is_msp.then(|| view! { <td class="mono">{agent_version}</td> })}
            <td class="sub-aside">
                {move || view! { <OptionTime at=row.with(|shown| shown.row.last_seen_at)/> }}
            </td>
        </tr>
    }
}
