//! The tab with a device's own record of commands: how far it has come here, whether it fits together, and its entries.

use super::{calls::list_record_entries, page::Shown};
use crate::{
    live,
    ui::{EmptyState, Exact, Fact, Facts, Listing, Load, Panel, Status, StatusKind, Table, Time},
};
use entity::{
    command::ChainEvent,
    evidence::{RecordEntryView, RecordQuery, RecordView},
    page::Page,
    portal_event::PortalEvent,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// The record.
#[component]
pub(super) fn RecordTab(shown: Shown) -> impl IntoView {
    let id = shown.id;
    let params = use_query_map();
    let path = shown.path("record");
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url(path.clone(), params, &[])));
    let entries = Resource::new(
        move || asked.get(),
        move |asked| list_record_entries(id, RecordQuery { cursor: asked.cursor(), limit: None }),
    );
    live::refetch_on(entries, move |event| {
        matches!(
            event,
            PortalEvent::Command { device_id, .. } | PortalEvent::Device { device_id, .. } if *device_id == id
        )
    });
    view! {
        <Load resource=shown.device skeleton=2 let:device>
            <HowFar record=device.record/>
        </Load>
        <Load resource=entries let:page>
            <Entries page asked=asked.get_untracked()/>
        </Load>
    }
}

#[component]
fn HowFar(record: RecordView) -> impl IntoView {
    let fits = match (&record.fault, record.seq) {
        (Some(_), _) => view! { <Status kind=StatusKind::Warn word="Does not fit together"/> }.into_any(),
        (None, 0) => view! { <Status kind=StatusKind::Off word="Nothing told yet"/> }.into_any(),
        (None, _) => view! { <Status kind=StatusKind::Ok word="Fits together"/> }.into_any(),
    };
    let has_any = record.seq > 0;
    let signed = if record.is_signed { "by the device\u{2019}s own key" } else { "not yet" };
    view! {
        <Panel title="What the device itself has written down">
            <p class="quiet">
                "The device keeps this record on its own disk, each entry with the hash of the one before, and tells it here. \
                 What is removed or changed on either side shows."
            </p>
            <Facts>
                <Fact label="Record">{fits}</Fact>
                {has_any.then(|| view! {
                    <Fact label="Entries">{record.seq} {record.told_at.map(|at| view! { ", told " <Time at/> })}</Fact>
                    <Fact label="End signed">{signed}</Fact>
                    <Fact label="Last hash"><span class="mono">{record.hash.clone()}</span></Fact>
                })}
            </Facts>
        </Panel>
    }
}

#[component]
fn Entries(page: Page<RecordEntryView>, asked: Listing) -> impl IntoView {
    if page.items.is_empty() {
        return view! {
            <EmptyState title="No entries">
                "As soon as the device is asked for something, or somebody changes its lock, it writes that down here."
            </EmptyState>
        }
        .into_any();
    }
    let pager = asked.pager(page.items.len(), page.total, page.next_cursor.as_deref());
    let rows = page.items.into_iter().map(|view| {
        let RecordEntryView { entry, is_former, .. } = view;
        let (kind, word) = words(entry.event);
        let hash = entry.hash.get(..12).unwrap_or_default().to_owned();
        view! {
            <tr class:is-stale=is_former>
                <td class="record-number num">{entry.seq}</td>
                <td class="main">
                    {match entry.command_id {
                        Some(id) => view! {
                            <a class="row-link" href=format!("/commands/{id}")><Status kind word/></a>
                        }.into_any(),
                        None => view! { <Status kind word/> }.into_any(),
                    }}
                </td>
                <td class="sub record-note" title=entry.note.clone()>{entry.note.clone()} {is_former.then_some(" (told before)")}</td>
                <td class="mono" title=entry.hash.clone()>{hash} "\u{2026}"</td>
                <td class="aside"><Exact at=entry.at/></td>
            </tr>
        }
    });
    view! {
        <Table label="Entries of the record">
            <thead>
                <tr>
                    <th scope="col" class="record-number num">"Entry"</th>
                    <th scope="col" class="main">"What"</th>
                    <th scope="col" class="sub">"Note"</th>
                    <th scope="col">"Hash"</th>
                    <th scope="col" class="aside">"By the device\u{2019}s clock"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
        {pager}
    }
    .into_any()
}

const fn words(event: ChainEvent) -> (StatusKind, &'static str) {
    match event {
        ChainEvent::Received => (StatusKind::Off, "A command came"),
        ChainEvent::Refused => (StatusKind::Bad, "Refused"),
        ChainEvent::Started => (StatusKind::Info, "Begun"),
        ChainEvent::Done => (StatusKind::Ok, "Ended"),
        ChainEvent::Interrupted => (StatusKind::Bad, "Interrupted"),
        ChainEvent::Stop => (StatusKind::Warn, "Emergency stop"),
        ChainEvent::Lock => (StatusKind::Warn, "Lock changed at the device"),
    }
}
