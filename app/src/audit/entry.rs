//! The page of one audit entry.

use super::{calls::get_entry, diff::Diff, list::ActorName};
use crate::{
    layout::{PageHead, load_named},
    ui::{Exact, Fact, Facts, Load, Panel, Time},
};
use entity::audit::AuditEntryView;
use leptos::prelude::*;

/// One entry, by its place in the chain.
#[component]
pub fn AuditEntryPage() -> impl IntoView {
    let entry = load_named("seq", get_entry);
    view! {
        <Load resource=entry let:entry>
            {
                let (at, seq) = (entry.at, entry.seq);
                let has_sides = entry.before.is_some() || entry.after.is_some();
                let (before, after) = (entry.before.clone(), entry.after.clone());
                view! {
                    <PageHead
                        title=entry.summary.clone()
                        up=("Audit log", "/audit")
                        facts=move || view! { <span>{format!("Entry {seq}")}</span> <Time at/> }.into_any()
                    />
                    <KnownPanel entry=entry.clone()/>
                    {has_sides.then(|| view! {
                        <Panel title="Before and after"><Diff before after/></Panel>
                    })}
                    <ChainFacts entry/>
                }
            }
        </Load>
    }
}

#[component]
fn KnownPanel(entry: AuditEntryView) -> impl IntoView {
    let who = entry.clone();
    view! {
        <Panel title="Known">
            <Facts>
                <Fact label="Who">
                    {match entry.actor_id {
                        Some(id) => view! {
                            <a href=format!("/audit?actor_id={id}")><ActorName entry=who/></a>
                        }
                        .into_any(),
                        None => view! { <ActorName entry=who/> }.into_any(),
                    }}
                </Fact>
                <Fact label="When"><Exact at=entry.at/></Fact>
                <Fact label="From where"><span class="mono">{entry.source_ip}</span></Fact>
                <Fact label="Action">
                    <a class="mono" href=format!("/audit?action={}", entry.action)>{entry.action.clone()}</a>
                </Fact>
                {entry.business_id.zip(entry.business_name).map(|(id, name)| view! {
                    <Fact label="Business"><a href=format!("/businesses/{id}")>{name}</a></Fact>
                })}
                {entry.device_id.map(|id| view! {
                    <Fact label="Device"><a href=format!("/devices/{id}")>"Open the device"</a></Fact>
                })}
                {entry.request_id.map(|id| view! {
                    <Fact label="Request"><span class="mono">{id}</span></Fact>
                })}
            </Facts>
        </Panel>
    }
}

#[component]
fn ChainFacts(entry: AuditEntryView) -> impl IntoView {
    let previous = if entry.previous_hash.is_empty() {
        "none: the chain begins here".to_owned()
    } else {
        entry.previous_hash
    };
    view! {
        <Panel title="Place in the chain">
            <Facts>
                <Fact label="Place">{entry.seq}</Fact>
                <Fact label="Hash"><span class="mono audit-hash">{entry.hash}</span></Fact>
                <Fact label="Hash of the entry before"><span class="mono audit-hash">{previous}</span></Fact>
            </Facts>
        </Panel>
    }
}
