//! Choosing a business, and a place of it: a few are offered at once, a search finds the others. Both are the server's
//! work, so that they do without JavaScript.

use super::calls::offer_businesses;
use crate::{
    error::PortalError,
    ui::{BUSINESS_LIKE, Choice, FilterSearch, FilterSelect, Hidden},
};
use entity::{
    business::BusinessChoice,
    id::BusinessId,
    page::Page,
    user::{Me, Role},
};
use leptos::prelude::*;
use leptos_router::{
    components::Form as RouterForm,
    hooks::{use_location, use_query_map},
};
use serde::{Deserialize, Serialize};

/// The businesses that a form offers, and what they were narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Offered {
    /// Those that are offered.
    pub page: Page<BusinessChoice>,
    /// What was searched for.
    pub like: Option<String>,
}

impl Offered {
    /// Are there others?
    #[must_use]
    pub fn needs_search(&self) -> bool {
        self.like.is_some() || self.page.next_cursor.is_some()
    }

    /// As choices, after one that is none of them.
    #[must_use]
    pub fn choices(&self, none: &str) -> Vec<Choice> {
        let all = self.page.items.iter();
        let all = all.map(|business| Choice::new(business.id.to_string(), business.business_name.clone()));
        std::iter::once(Choice::new("", none)).chain(all).collect()
    }

    /// The same for what can be done for all of them at once by those alone who reach them all.
    #[must_use]
    pub fn choices_for(&self, me: &Me, all: &str) -> Vec<Choice> {
        let choices = self.choices(all);
        if me.role == Role::Technician { choices.into_iter().skip(1).collect() } else { choices }
    }
}

/// What the URL narrows the offered businesses by.
#[must_use]
pub fn use_business_like() -> Memo<Option<String>> {
    let params = use_query_map();
    Memo::new(move |_| {
        let text = params.with(|params| params.get(BUSINESS_LIKE)).unwrap_or_default();
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    })
}

/// Loads what is offered; the chosen one in any case.
///
/// # Errors
/// As the server says.
pub async fn offered(like: Option<String>, chosen: Option<BusinessId>) -> Result<Offered, PortalError> {
    Ok(Offered { page: offer_businesses(like.clone(), chosen).await?, like })
}

/// The business of a filter bar, with a field that finds those that are not offered.
#[component]
pub fn FilterBusiness(
    /// What is offered.
    offered: Offered,
    /// What the choice of none says.
    #[prop(default = "All businesses")]
    any: &'static str,
    /// Chosen so far.
    chosen: Option<BusinessId>,
) -> impl IntoView {
    let needs_search = offered.needs_search();
    let like = offered.like.clone().unwrap_or_default();
    view! {
        {needs_search.then(|| view! { <FilterSearch name=BUSINESS_LIKE label="Find a business" value=like/> })}
        <FilterSelect
            name="business_id"
            label="Business"
            options=offered.choices(any)
            value=chosen.map(|id| id.to_string()).unwrap_or_default()
        />
    }
}

/// Stands before a form that offers businesses, when there are more than it offers.
#[component]
pub fn FindBusiness(
    /// What is offered.
    offered: Offered,
) -> impl IntoView {
    if !offered.needs_search() {
        return ().into_any();
    }
    let location = use_location();
    let path = location.pathname.get_untracked();
    let kept = use_query_map().with_untracked(|params| {
        let kept = params.clone().into_iter().filter(|(key, _)| key.as_ref() != BUSINESS_LIKE);
        kept.map(|(key, value)| view! { <Hidden name=key.to_string() value/> }).collect_view()
    });
    let found = offered.page.items.len();
    let words = match (&offered.like, offered.page.next_cursor.is_some()) {
        (Some(_), false) => format!("{found} match; the form below offers them."),
        (Some(_), true) => format!("More than {found} match; the form below offers the first of them."),
        (None, _) => format!("The form below offers the first {found} businesses; find the others here."),
    };
    view! {
        <RouterForm action=path attr:class="filter-bar" attr:role="search" attr:aria-label="Businesses">
            {kept}
            <FilterSearch name=BUSINESS_LIKE label="Find a business" value=offered.like.unwrap_or_default()/>
            <button class="button" r#type="submit">"Find"</button>
            <span class="quiet">{words}</span>
        </RouterForm>
    }
    .into_any()
}
