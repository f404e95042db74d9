//! Who decided what about a rollout, as the audit log has it.

use crate::ui::{Panel, StatusKind, Timeline, TimelineItem};
use entity::audit::AuditEntryView;
use leptos::prelude::*;

/// Its entries of the audit log, newest first.
#[component]
pub(super) fn TrailPanel(entries: Vec<AuditEntryView>) -> impl IntoView {
    let items = entries.into_iter().map(|entry| {
        let kind = meaning(&entry.action);
        view! {
            <TimelineItem at=entry.at kind actor=Some(entry.actor_name)>
                <a href=format!("/audit/{}", entry.seq)>{entry.summary}</a>
            </TimelineItem>
        }
    });
    let items: Vec<_> = items.collect();
    let is_empty = items.is_empty();
    view! {
        <Panel
            title="Decisions"
            actions=|| view! { <a href="/audit?action=rollout.">"Audit log of rollouts"</a> }.into_any()
        >
            {is_empty.then(|| view! { <p class="quiet">"Nothing has been decided yet."</p> })}
            <Timeline>{items.collect_view()}</Timeline>
        </Panel>
    }
}

/// What an action of the log means for a rollout.
fn meaning(action: &str) -> StatusKind {
    match action.rsplit('.').next().unwrap_or_default() {
        "halt" => StatusKind::Bad,
        "pause" | "roll_back" | "cancel" => StatusKind::Warn,
        "approve" | "complete" => StatusKind::Ok,
        "start" | "resume" => StatusKind::Info,
        _ => StatusKind::Off,
    }
}
