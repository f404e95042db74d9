//! What happened to a device, newest first: all of it in a tab, the latest on its overview.

use super::{calls::list_activity, page::Shown, query};
use crate::{
    live,
    ui::{EmptyState, Load, Pager, Panel, StatusKind, Timeline, TimelineItem},
};
use entity::{
    activity::{ActivityKind, ActivityView},
    portal_event::PortalEvent,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// Entries on the overview.
const RECENT: u32 = 8;

/// Everything that happened, a page at a time.
#[component]
pub(super) fn ActivityTab(shown: Shown) -> impl IntoView {
    let params = use_query_map();
    let id = shown.id;
    let cursor = Memo::new(move |_| params.with(|params| params.get("cursor")));
    let activity = Resource::new(move || cursor.get(), move |cursor| list_activity(id, cursor, None));
    live::refetch_on(activity, move |event| is_news(shown, event));
    view! {
        <Load resource=activity let:page>
            {
                let path = shown.path("activity");
                let rows = page.items.len();
                let first = cursor.get_untracked().map(|_| path.clone());
                let next = page.next_cursor.map(|cursor| query::link(&path, &[("cursor", Some(cursor))]));
                view! {
                    <Panel title="Activity"><Entries entries=page.items/></Panel>
                    <Pager shown=rows total=page.total first_href=first next_href=next/>
                }
            }
        </Load>
    }
}

/// The latest entries, and the way to the others.
#[component]
pub(super) fn RecentActivity(shown: Shown) -> impl IntoView {
    let id = shown.id;
    let activity = Resource::new(|| (), move |()| list_activity(id, None, Some(RECENT)));
    live::refetch_on(activity, move |event| is_news(shown, event));
    let all = shown.path("activity");
    view! {
        <Panel title="What changed" actions=move || view! { <a href=all.clone()>"All activity"</a> }.into_any()>
            <Load resource=activity skeleton=4 let:page>
                <Entries entries=page.items/>
            </Load>
        </Panel>
    }
}

/// Samples make no entries.
fn is_news(shown: Shown, event: &PortalEvent) -> bool {
    shown.is_about(event) && !matches!(event, PortalEvent::Metrics { .. })
}

#[component]
fn Entries(entries: Vec<ActivityView>) -> impl IntoView {
    if entries.is_empty() {
        return view! {
            <EmptyState title="Nothing has happened yet">
                "Connections, restarts, changes of software and services, and what people do are written here."
            </EmptyState>
        }
        .into_any();
    }
    let items = entries.into_iter().map(|ActivityView { at, kind, summary, actor }| {
        view! { <TimelineItem at kind=meaning(kind) actor>{summary}</TimelineItem> }
    });
    view! { <Timeline>{items.collect_view()}</Timeline> }.into_any()
}

const fn meaning(kind: ActivityKind) -> StatusKind {
    match kind {
        ActivityKind::Online => StatusKind::Ok,
        ActivityKind::Offline => StatusKind::Bad,
        ActivityKind::SamplesDropped
        | ActivityKind::Alert
        | ActivityKind::Reported
        | ActivityKind::CloneSuspected
        | ActivityKind::RecordFault => StatusKind::Warn,
        ActivityKind::Registered | ActivityKind::Person => StatusKind::Info,
        ActivityKind::LinkChanged
        | ActivityKind::Rebooted
        | ActivityKind::AgentChanged
        | ActivityKind::KeyRotated
        | ActivityKind::FactsChanged
        | ActivityKind::SoftwareChanged
        | ActivityKind::ServiceChanged => StatusKind::Off,
    }
}
