//! The filters over the audit log. Their state is the URL.

use super::query;
use crate::{
    business::{FilterBusiness, Offered},
    ui::{Choice, FilterBar, FilterSearch, FilterSelect},
};
use chrono::NaiveDate;
use entity::audit::{AuditOptions, AuditQuery};
use leptos::prelude::*;

/// One line of controls.
#[component]
pub(super) fn AuditFilter(
    /// What is asked now.
    asked: AuditQuery,
    /// What the entries can be narrowed by.
    options: AuditOptions,
    /// The businesses to choose from; none for those who have one.
    businesses: Option<Offered>,
) -> impl IntoView {
    let text = |value: Option<String>| value.unwrap_or_default();
    let actors = options.actors.into_iter().map(|actor| (actor.id.to_string(), actor.name));
    view! {
        <FilterBar action=query::PATH>
            <FilterSearch label="Search what was done and by whom" value=text(asked.search)/>
            {businesses.map(|offered| view! { <FilterBusiness offered chosen=asked.business_id/> })}
            <FilterSelect
                name="actor_id"
                label="By whom"
                options=choices("Anybody", actors)
                value=text(asked.actor_id.map(|id| id.to_string()))
            />
            <FilterSelect
                name="action"
                label="Action"
                options=actions(&options.actions)
                value=text(asked.action)
            />
            <Day name="from" label="From" value=asked.from/>
            <Day name="to" label="To" value=asked.to/>
        </FilterBar>
    }
}

/// A day of a filter bar, in UTC as the log is.
#[component]
fn Day(name: &'static str, label: &'static str, value: Option<NaiveDate>) -> impl IntoView {
    let text = value.map(|day| day.to_string()).unwrap_or_default();
    view! {
        <label class="filter-day" title="Days begin at midnight UTC">
            <span>{label}</span>
            <input class="input" r#type="date" name=name value=text.clone() prop:value=text/>
        </label>
    }
}

fn choices(any: &str, values: impl Iterator<Item = (String, String)>) -> Vec<Choice> {
    let any = Choice::new("", any);
    std::iter::once(any).chain(values.map(|(value, label)| Choice::new(value, label))).collect()
}

/// The actions under their nouns, each noun with a choice of all that was done to it.
fn actions(words: &[String]) -> Vec<Choice> {
    let mut choices = vec![Choice::new("", "Any action")];
    let mut noun = "";
    for word in words {
        let (of, _) = word.split_once('.').unwrap_or((word, ""));
        if of != noun {
            noun = of;
            choices.push(
                Choice::new(format!("{noun}."), format!("All of {}", noun.replace('_', " "))).under(noun),
            );
        }
        choices.push(Choice::new(word, word).under(noun));
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_stand_under_their_nouns() {
        let words = ["device.change", "device.revoke", "user.add"].map(str::to_owned);
        let expected = vec![
            Choice::new("", "Any action"),
            Choice::new("device.", "All of device").under("device"),
            Choice::new("device.change", "device.change").under("device"),
            Choice::new("device.revoke", "device.revoke").under("device"),
            Choice::new("user.", "All of user").under("user"),
            Choice::new("user.add", "user.add").under("user"),
        ];
        assert_eq!(actions(&words), expected);
    }
}
