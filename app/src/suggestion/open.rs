//! The suggestions that wait for a person: of one device, or of all within reach. Nothing is shown when none does.

use super::{
    calls::list_suggestions,
    card::{SuggestionActs, SuggestionCard},
};
use crate::{
    layout::refetch_after,
    live,
    ui::{Load, Panel},
};
use entity::{
    id::DeviceId,
    portal_event::PortalEvent,
    suggestion::{SuggestionQuery, SuggestionState},
};
use leptos::prelude::*;

/// As many as stand on one page; the rest follows when these are settled.
const SHOWN: u32 = 10;

/// What waits for a person.
#[component]
pub fn OpenSuggestions(
    /// Only of this device; of all without it.
    #[prop(optional)]
    device: Option<DeviceId>,
) -> impl IntoView {
    let query = SuggestionQuery {
        device_id: device,
        state: Some(SuggestionState::Open),
        limit: Some(SHOWN),
        ..SuggestionQuery::default()
    };
    let found = Resource::new(|| (), move |()| list_suggestions(query.clone()));
    live::refetch_on(found, move |event| match event {
        PortalEvent::Alert { device_id, .. } => device.is_none_or(|id| id == *device_id),
        _ => false,
    });
    let acts = SuggestionActs::new();
    refetch_after(acts.take, found);
    refetch_after(acts.dismiss, found);
    let of_many = device.is_none();
    view! {
        <Load resource=found skeleton=0 let:page>
            {(!page.items.is_empty()).then(move || {
                let facts = if page.next_cursor.is_some() { "The newest of them." } else { "" };
                let cards = page.items.into_iter().map(move |found| view! { <SuggestionCard found acts of_many/> });
                view! {
                    <Panel title="Suggestions" facts>
                        <div class="suggestions">{cards.collect_view()}</div>
                    </Panel>
                }
            })}
        </Load>
    }
}
