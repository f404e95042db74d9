//! Filter bar: one line of controls over a list. Its state is the URL, so it can be shared and works without
//! JavaScript.

use super::{
    icon::{Icon, IconName},
    select::{Choice, Options},
};
use leptos::{ev, prelude::*};
use leptos_router::components::Form as RouterForm;
use wasm_bindgen::JsCast;
use web_sys::{HtmlFormElement, HtmlInputElement};

/// A form that leads to `action` with its controls as the query; sends itself when one changes.
#[component]
pub fn FilterBar(
    /// The page of the list.
    #[prop(into)]
    action: String,
    /// [`FilterSearch`], [`FilterSelect`]s and hidden fields.
    children: Children,
) -> impl IntoView {
    let send = |event: ev::Event| {
        let form = event.current_target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
        if let Some(form) = form {
            drop(form.request_submit());
        }
    };
    view! {
        <RouterForm action=action attr:class="filter-bar" attr:role="search" attr:aria-label="This list" on:change=send noscroll=true>
            {children()}
            <button class="button without-js" r#type="submit">"Apply"</button>
        </RouterForm>
    }
}

/// The text of a filter bar.
#[component]
pub fn FilterSearch(
    /// Name in the query.
    #[prop(default = "search")]
    name: &'static str,
    /// What is searched, for those who cannot see the icon.
    #[prop(into)]
    label: String,
    /// The text so far.
    #[prop(into)]
    value: String,
) -> impl IntoView {
    let clear = |event: ev::Event| {
        // The cross in a search field empties it without a change event.
        let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        if let Some(form) = input.filter(|input| input.value().is_empty()).and_then(|input| input.form()) {
            drop(form.request_submit());
        }
    };
    view! {
        <label class="filter-search">
            <span class="visually-hidden">{label.clone()}</span>
            <Icon icon=IconName::Search/>
            <input
                class="input"
                r#type="search"
                name=name
                value=value.clone()
                prop:value=value
                placeholder=label
                maxlength=entity::input::SEARCH_MAX.to_string()
                on:search=clear
            />
        </label>
    }
}

/// One choice of a filter bar.
#[component]
pub fn FilterSelect(
    /// Name in the query.
    #[prop(into)]
    name: String,
    /// What is chosen, for those who cannot see it.
    #[prop(into)]
    label: String,
    /// What can be chosen; the first means any.
    options: Vec<Choice>,
    /// The choice so far.
    #[prop(into)]
    value: String,
) -> impl IntoView {
    let is_set = !value.is_empty();
    view! {
        <label class="filter-select" class:is-set=is_set>
            <span class="visually-hidden">{label}</span>
            <select class="input" name=name>
                <Options options value/>
            </select>
        </label>
    }
}
