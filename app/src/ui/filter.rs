//! Filter bar: one line of controls over a list. Its state is the URL, so it can be shared and works without
//! JavaScript.

use super::{
    icon::{Icon, IconName},
    select::{Choice, Options},
};
use leptos::{ev, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlFormElement, HtmlInputElement, UrlSearchParams};

/// A form that leads to `action` with its controls as the query; sends itself when one changes.
#[component]
pub fn FilterBar(
    /// The page of the list.
    #[prop(into)]
    action: String,
    /// [`FilterSearch`], [`FilterSelect`]s and hidden fields.
    children: Children,
) -> impl IntoView {
    let navigate = use_navigate();
    let send = |event: ev::Event| {
        let form = event.current_target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
        if let Some(form) = form {
            drop(form.request_submit());
        }
    };
    let go = {
        let action = action.clone();
        move |event: ev::SubmitEvent| {
            let form = event.current_target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
            if let Some(href) = form.and_then(|form| filled_href(&action, &form)) {
                event.prevent_default();
                navigate(&href, NavigateOptions { scroll: false, ..NavigateOptions::default() });
            }
        }
    };
    view! {
        <form action=action method="get" class="filter-bar" role="search" aria-label="This list" on:change=send on:submit=go>
            {children()}
            <button class="button without-js" r#type="submit">"Apply"</button>
        </form>
    }
}

/// The address of the list with the controls that are filled in; the browser's own would name the empty ones too.
fn filled_href(action: &str, form: &HtmlFormElement) -> Option<String> {
    let data = FormData::new_with_form(form).ok()?;
    let pairs = String::from(UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?.to_string());
    let filled: Vec<_> = pairs.split('&').filter(|pair| !pair.ends_with('=')).collect();
    Some(if filled.is_empty() { action.to_owned() } else { format!("{action}?{}", filled.join("&")) })
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
