//! The page of the errors of all devices. All of its state is in the URL.

use super::{
    calls::{list_error_groups, list_error_options},
    query,
    table::ErrorTable,
};
use crate::{
    business::{FilterBusiness, Offered, use_offer},
    layout::PageHead,
    live,
    ui::{Choice, EmptyState, FilterBar, FilterSearch, FilterSelect, LinkButton, Listing, Load},
};
use entity::{
    error_report::{ErrorGroupView, ErrorReportOptions, ErrorState, label},
    page::Page,
    portal_event::PortalEvent,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// What agents say went wrong inside them, each error once, the latest first.
#[component]
pub fn ErrorListPage() -> impl IntoView {
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(|params| query::asked(query::PATH, params)));
    let groups = Resource::new(move || asked.get(), |asked| list_error_groups(query::question(&asked)));
    live::refetch_on(groups, |event| matches!(event, PortalEvent::ErrorReport { .. }));
    let offer = use_offer(move || asked.with(|asked| asked.value("business_id")));
    let offered = Resource::new(
        move || offer.get(),
        |offer| async { Ok((list_error_options().await?, offer.load().await?)) },
    );
    live::refetch_on(offered, |event| matches!(event, PortalEvent::ErrorReport { .. }));
    view! {
        <PageHead
            title="Errors"
            facts=|| view! { <span>"What agents say went wrong inside them, each error once."</span> }.into_any()
        />
        <Load resource=offered skeleton=1 let:offered>
            {
                let (options, businesses) = offered;
                move || {
                    let (options, businesses) = (options.clone(), businesses.clone());
                    view! {
                        <Kinds options=options.clone() asked=asked.get()/>
                        <ErrorFilter asked=asked.get() options businesses/>
                    }
                }
            }
        </Load>
        <Load resource=groups let:page>
            <Found page asked=asked.get_untracked()/>
        </Load>
    }
}

/// How much of each kind there is, as links that narrow the list down to it.
#[component]
fn Kinds(options: ErrorReportOptions, asked: Listing) -> impl IntoView {
    let chosen = asked.text("error_type");
    let links = options.kinds.into_iter().map(move |kind| {
        let is_chosen = chosen.as_deref() == Some(kind.error_type.as_str());
        let href = asked.with("error_type", (!is_chosen).then_some(kind.error_type.as_str()));
        let devices =
            if kind.devices == 1 { "1 device".to_owned() } else { format!("{} devices", kind.devices) };
        view! {
            <li>
                <a href=href aria-current=is_chosen.then_some("true") data-noscroll="true" title=devices>
                    <span>{label(&kind.error_type)}</span>
                    <span class="tab-count">{kind.errors}</span>
                </a>
            </li>
        }
    });
    let links: Vec<_> = links.collect();
    (!links.is_empty())
        .then(|| view! { <ul class="error-kinds" aria-label="Open errors by kind">{links}</ul> })
}

#[component]
fn ErrorFilter(asked: Listing, options: ErrorReportOptions, businesses: Option<Offered>) -> impl IntoView {
    let text = |key: &str| asked.text(key).unwrap_or_default();
    let any = |label: &str| vec![Choice::new("", label)];
    let (mut types, mut versions, mut states) = (any("Any kind"), any("Any version"), any("Any state"));
    types.extend(options.error_types.iter().map(|word| Choice::new(word, label(word))));
    versions.extend(options.agent_versions.iter().map(|word| Choice::new(word, format!("Agent {word}"))));
    states.extend(ErrorState::ALL.iter().map(|state| Choice::new(state.word(), state.label())));
    let (search, error_type, state) = (text("search"), text("error_type"), text("state"));
    let (version, since) = (text("agent_version"), text("since"));
    let chosen = asked.value("business_id");
    view! {
        <FilterBar action=query::PATH>
            <FilterSearch label="Search what went wrong" value=search/>
            {businesses.map(|offered| view! { <FilterBusiness offered chosen/> })}
            <FilterSelect name="error_type" label="Kind" options=types value=error_type/>
            <FilterSelect name="state" label="State" options=states value=state/>
            <FilterSelect name="agent_version" label="Version of the agent" options=versions value=version/>
            <label class="filter-day" title="The day begins at midnight UTC">
                <span>"Since"</span>
                <input class="input" r#type="date" name="since" value=since.clone() prop:value=since/>
            </label>
        </FilterBar>
    }
}

#[component]
fn Found(page: Page<ErrorGroupView>, asked: Listing) -> impl IntoView {
    if page.items.is_empty() && (asked.is_filtered() || asked.cursor().is_some()) {
        return view! {
            <EmptyState
                title="No error matches"
                action=|| view! { <LinkButton href=query::PATH>"Show all errors"</LinkButton> }.into_any()
            >
                "No error within your reach matches all of these filters."
            </EmptyState>
        }
        .into_any();
    }
    if page.items.is_empty() {
        return view! {
            <EmptyState title="No errors">
                "No agent has reported that something went wrong inside it. When one does, it stands here at the same moment."
            </EmptyState>
        }
        .into_any();
    }
    let (shown, next) = (page.items.len(), page.next_cursor);
    let pager = asked.pager(shown, page.total, next.as_deref());
    let errors = page.items.into_iter().map(Into::into).collect();
    view! { <ErrorTable label="Errors" errors/> {pager} }.into_any()
}
