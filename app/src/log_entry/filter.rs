//! The filters over log entries. Their state is the URL.

use super::query;
use crate::{
    business::{FilterBusiness, Offered},
    ui::{Choice, FilterBar, FilterSearch, FilterSelect, Hidden, Listing},
};
use entity::log_entry::LogLevel;
use leptos::prelude::*;

/// One line of controls.
#[component]
pub(super) fn LogFilter(
    /// What is asked now.
    asked: Listing,
    /// The list's address.
    #[prop(into)]
    path: String,
    /// The businesses to choose from; none where there is one.
    #[prop(optional_no_strip)]
    businesses: Option<Offered>,
) -> impl IntoView {
    let text = |key: &str| asked.text(key).unwrap_or_default();
    // Nothing less than warnings is sent, so that those and worse are all there is.
    let levels = vec![
        Choice::new("", "Any level"),
        Choice::new(LogLevel::Error.word(), "Errors and worse"),
        Choice::new(LogLevel::Critical.word(), "Critical only"),
    ];
    let (search, source, chosen_level) = (text("search"), text("source"), text("level"));
    let (from, to) = (text("from"), text("to"));
    let chosen = asked.value("business_id");
    view! {
        <FilterBar action=path>
            <FilterSearch label="Search lines" value=search/>
            {businesses.map(|offered| view! { <FilterBusiness offered chosen/> })}
            <FilterSelect name="level" label="Level" options=levels value=chosen_level/>
            <FilterSearch name="source" label="Source begins with" value=source/>
            <span class="filter-span">
                <Moment name="from" label="From" value=from/>
                <Moment name="to" label="to" value=to/>
            </span>
            {query::is_wrapped(&asked).then(|| view! { <Hidden name="wrap" value="true"/> })}
        </FilterBar>
    }
}

/// A moment of a filter bar, in UTC as the lines are.
#[component]
fn Moment(name: &'static str, label: &'static str, value: String) -> impl IntoView {
    view! {
        <label class="filter-day">
            <span class="filter-day-label">{label}</span>
            <input class="input" r#type="datetime-local" name=name value=value.clone() prop:value=value/>
            <span>"UTC"</span>
        </label>
    }
}
