//! The page of alerts. All of its state is in the URL.

use super::{
    calls::{AcknowledgeAlert, list_alerts},
    table::AlertTable,
};
use crate::{
    business::{FilterBusiness, ListFilter, Offered},
    layout::{PageHead, refetch_after},
    live,
    ui::{Choice, EmptyState, FilterBar, FilterSearch, FilterSelect, LinkButton, Listing, Load},
};
use entity::{
    alert::{AlertQuery, AlertState, AlertView, Severity},
    page::Page,
    portal_event::PortalEvent,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// Where the alerts are.
const PATH: &str = "/alerts";
/// The words of the URL.
pub(super) const KEYS: [&str; 5] = ["search", "business_id", "open", "state", "severity"];

/// The question that a URL stands for.
pub(super) fn question(asked: &Listing) -> AlertQuery {
    AlertQuery {
        business_id: asked.value("business_id"),
        state: asked.value("state"),
        severity: asked.value("severity"),
        open: asked.value("open"),
        search: asked.text("search"),
        cursor: asked.cursor(),
        ..AlertQuery::default()
    }
}

/// What needs a person, or did, newest first.
#[component]
pub fn AlertListPage() -> impl IntoView {
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url(PATH, params, &KEYS)));
    let alerts = Resource::new(move || asked.get(), |asked| list_alerts(question(&asked)));
    live::refetch_on(alerts, |event| matches!(event, PortalEvent::Alert { .. }));
    let acknowledge = ServerAction::<AcknowledgeAlert>::new();
    refetch_after(acknowledge, alerts);
    view! {
        <PageHead
            title="Alerts"
            facts=|| view! { <span>"What needs a person, and what did."</span> }.into_any()
        />
        <ListFilter
            asked
            filter=|asked, businesses| view! { <AlertFilter asked businesses path=PATH.to_owned()/> }.into_any()
        />
        <Load resource=alerts let:page>
            <AlertsFound page asked=asked.get_untracked() path=PATH.to_owned() acknowledge of_many=true/>
        </Load>
    }
}

/// One line of controls.
#[component]
pub(super) fn AlertFilter(asked: Listing, businesses: Option<Offered>, path: String) -> impl IntoView {
    let text = |key: &str| asked.text(key).unwrap_or_default();
    let states =
        [AlertState::Firing, AlertState::Acknowledged, AlertState::Resolved, AlertState::AutoResolved];
    let states = states.into_iter().map(|state| Choice::new(state.word(), state.label()));
    let severities = Severity::ALL.iter().map(|severity| Choice::new(severity.word(), severity.label()));
    let any = |label: &str| std::iter::once(Choice::new("", label));
    let open =
        vec![Choice::new("", "Open and over"), Choice::new("true", "Open"), Choice::new("false", "Over")];
    let (search, is_open, state, severity) = (text("search"), text("open"), text("state"), text("severity"));
    let chosen = asked.value("business_id");
    view! {
        <FilterBar action=path>
            <FilterSearch label="Search alerts" value=search/>
            {businesses.map(|offered| view! { <FilterBusiness offered chosen/> })}
            <FilterSelect name="open" label="Open or over" options=open value=is_open/>
            <FilterSelect name="state" label="State" options=any("Any state").chain(states).collect() value=state/>
            <FilterSelect name="severity" label="Severity" options=any("Any severity").chain(severities).collect() value=severity/>
        </FilterBar>
    }
}

/// The alerts, or why there are none.
#[component]
pub(super) fn AlertsFound(
    page: Page<AlertView>,
    asked: Listing,
    path: String,
    acknowledge: ServerAction<AcknowledgeAlert>,
    #[prop(optional)] of_many: bool,
) -> impl IntoView {
    if page.items.is_empty() && (asked.is_filtered() || asked.cursor().is_some()) {
        return view! {
            <EmptyState
                title="No alert matches"
                action=move || view! { <LinkButton href=path.clone()>"Show all alerts"</LinkButton> }.into_any()
            >
                "Nothing within your reach matches all of these filters."
            </EmptyState>
        }
        .into_any();
    }
    if page.items.is_empty() {
        return view! {
            <EmptyState title="No alerts">
                "Nothing has needed a person so far. When a device logs a burst of errors, its processors have too much to do or a service that should run does not, it stands here at the same moment."
            </EmptyState>
        }
        .into_any();
    }
    let (shown, next) = (page.items.len(), page.next_cursor);
    let pager = asked.pager(shown, page.total, next.as_deref());
    view! { <AlertTable alerts=page.items acknowledge of_many/> {pager} }.into_any()
}
