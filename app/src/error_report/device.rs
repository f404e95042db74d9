//! The errors of one device, in a tab of its page.

use super::{calls::list_device_errors, query, table::ErrorTable};
use crate::{
    live,
    ui::{Choice, EmptyState, FilterBar, FilterSearch, FilterSelect, LinkButton, Listing, Load},
};
use entity::{
    error_report::{ErrorReportView, ErrorState},
    id::DeviceId,
    page::Page,
    portal_event::PortalEvent,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// What the agent of a device says went wrong inside it.
#[component]
pub fn ErrorsTab(
    /// Which device.
    id: DeviceId,
    /// The address of the tab.
    path: String,
) -> impl IntoView {
    let params = use_query_map();
    let here = path.clone();
    let asked = Memo::new(move |_| params.with(|params| query::asked(here.clone(), params)));
    let errors =
        Resource::new(move || asked.get(), move |asked| list_device_errors(id, query::question(&asked)));
    live::refetch_on(
        errors,
        move |event| matches!(event, PortalEvent::ErrorReport { device_id, .. } if *device_id == id),
    );
    let filter_path = path.clone();
    view! {
        {move || {
            let asked = asked.get();
            let states = ErrorState::ALL.iter().map(|state| Choice::new(state.word(), state.label()));
            let states = std::iter::once(Choice::new("", "Any state")).chain(states).collect();
            view! {
                <FilterBar action=filter_path.clone()>
                    <FilterSearch label="Search what went wrong" value=asked.text("search").unwrap_or_default()/>
                    <FilterSelect name="state" label="State" options=states value=asked.text("state").unwrap_or_default()/>
                </FilterBar>
            }
        }}
        <Load resource=errors let:page>
            <Found page asked=asked.get_untracked() path=path.clone()/>
        </Load>
    }
}

#[component]
fn Found(page: Page<ErrorReportView>, asked: Listing, path: String) -> impl IntoView {
    if page.items.is_empty() && (asked.is_filtered() || asked.cursor().is_some()) {
        return view! {
            <EmptyState
                title="No error matches"
                action=move || view! { <LinkButton href=path.clone()>"Show all errors"</LinkButton> }.into_any()
            >
                "No error of this device matches all of these filters."
            </EmptyState>
        }
        .into_any();
    }
    if page.items.is_empty() {
        return view! {
            <EmptyState title="No errors">
                "The agent of this device has not reported that anything went wrong inside it."
            </EmptyState>
        }
        .into_any();
    }
    let (shown, next) = (page.items.len(), page.next_cursor);
    let pager = asked.pager(shown, page.total, next.as_deref());
    let errors = page.items.into_iter().map(Into::into).collect();
    view! { <ErrorTable label="Errors of this device" errors/> {pager} }.into_any()
}
