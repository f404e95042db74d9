//! The terms of a rollout: for whom, how many at once, and when it stops by itself.

use super::words::{channel_words, devices, halts};
use crate::ui::{Exact, Fact, Facts, Panel, format};
use entity::rollout::RolloutView;
use leptos::prelude::*;

/// What was agreed before it began.
#[component]
pub(super) fn TermsPanel(found: RolloutView) -> impl IntoView {
    let rollout = found.rollout;
    let at_once = devices(u64::from(found.max_in_flight));
    let spread = match found.spread_seconds {
        0 => "not at all".to_owned(),
        seconds => format!("over {}", format::duration(u64::from(seconds))),
    };
    let approval = match (found.is_approval_needed, found.approved_by) {
        (false, _) => "Nobody else has to say yes".to_owned(),
        (true, None) => "Somebody else has to say yes".to_owned(),
        (true, Some(name)) => name,
    };
    let started = rollout.started_at.map(|at| {
        let by = found.started_by.unwrap_or_else(|| "its time".to_owned());
        view! { <Fact label="Started"><Exact at/> ", by " {by}</Fact> }
    });
    view! {
        <Panel title="Terms">
            <Facts>
                <Fact label="For">{rollout.target_label}</Fact>
                <Fact label="Channel">{channel_words(rollout.channel)}</Fact>
                <Fact label="At once">"At most " {at_once}</Fact>
                <Fact label="Spread">{spread}</Fact>
                {found.start_at.map(|at| view! { <Fact label="Starts at"><Exact at/></Fact> })}
                <Fact label="Approval">
                    {approval} {found.approved_at.map(|at| view! { ", " <Exact at/> })}
                </Fact>
                {started}
                {rollout.ended_at.map(|at| view! { <Fact label="Ended"><Exact at/></Fact> })}
                {(!found.note.is_empty()).then(|| view! {
                    <Fact label="Why"><span class="said-note">{found.note}</span></Fact>
                })}
            </Facts>
            <h3 class="rollout-halts-title">"It stops by itself, for one platform or over all, when"</h3>
            <ul class="rollout-halts">
                {halts(found.halt).into_iter().map(|term| view! { <li>{term}</li> }).collect_view()}
            </ul>
        </Panel>
    }
}
