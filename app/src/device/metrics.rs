//! The metrics of a device over time, and what it is doing now.

use super::{
    calls::get_history,
    chart::{Charts, SHOWN},
    latest::{DisksPanel, ProcessesPanel},
    page::Shown,
    range::{Range, Recent},
};
use crate::{
    live,
    ui::{Exact, Load, Segment, Segmented, clock::use_now},
};
use chrono::{DateTime, Utc};
use entity::portal_event::PortalEvent;
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

/// Charts over the range that the URL names.
#[component]
pub(super) fn MetricsTab(shown: Shown) -> impl IntoView {
    let params = use_query_map();
    let range = Memo::new(move |_| params.with(Range::from_url));
    let now = use_now();
    let id = shown.id;
    let history = Resource::new(
        move || range.get(),
        move |range| {
            let question = range.question(SHOWN.to_vec(), now.get_untracked());
            async move {
                let history = get_history(id, question).await?;
                let threads = shown.device.await.ok().and_then(|device| device.facts.cpu_threads);
                Ok((history, threads))
            }
        },
    );
    // The last hour follows the device; longer ranges would hardly move.
    live::refetch_on(history, move |event| {
        matches!(event, PortalEvent::Metrics { .. })
            && shown.is_about(event)
            && range.get_untracked() == Range::Last(Recent::Hour)
    });
    let navigate = use_navigate();
    let tab = shown.path("metrics");
    let select = Callback::new(move |(start, end): (DateTime<Utc>, DateTime<Utc>)| {
        let options = NavigateOptions { scroll: false, ..NavigateOptions::default() };
        navigate(&Range::dragged(start, end).href(&tab), options);
    });
    view! {
        <RangeChoice shown range/>
        <Load resource=history skeleton=12 let:found>
            <Charts history=found.0 threads=found.1 select/>
        </Load>
        <Load resource=shown.device skeleton=4 let:device>
            <div class="device-columns">
                <div class="device-column"><DisksPanel device=device.clone()/></div>
                <div class="device-column"><ProcessesPanel device/></div>
            </div>
        </Load>
    }
}

#[component]
fn RangeChoice(shown: Shown, range: Memo<Range>) -> impl IntoView {
    let tab = shown.path("metrics");
    move || {
        let current = range.get();
        let items = Recent::ALL.into_iter().map(|recent| {
            let range = Range::Last(recent);
            Segment::new(recent.label(), range.href(&tab), range == current)
        });
        let between = match current {
            Range::Last(_) => None,
            Range::Between(start, end) => Some(view! {
                <span class="quiet"><Exact at=start/> " – " <Exact at=end/></span>
            }),
        };
        view! {
            <div class="range-choice">
                <Segmented label="Range" items=items.collect()/>
                {between}
                <span class="quiet needs-js">"Drag in a chart to look closer."</span>
            </div>
        }
    }
}
