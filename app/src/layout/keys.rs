//! The keyboard: places by `g` and a letter, rows by `j` and `k`, search by `/`, and the list of it all by `?`.

use super::{
    rail::{Place, places},
    top_bar::SEARCH_ID,
};
use crate::ui::Dialog;
use entity::user::Me;
use leptos::{
    ev::{self, KeyboardEvent},
    prelude::*,
};
use leptos_router::hooks::use_navigate;
use std::time::Duration;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlInputElement};

/// The letter after `g` has to come within this time.
const CHORD: Duration = Duration::from_millis(1500);
/// What `j` and `k` go through.
const ROWS: &str = "main a.row-link";

/// Listens for keys, and shows their list.
#[component]
pub(super) fn Keys(me: Me) -> impl IntoView {
    let is_open = RwSignal::new(false);
    let places = places(&me);
    listen(places.clone(), is_open);
    let rows =
        places.into_iter().map(|place| (vec!["g".to_owned(), place.key.to_string()], place.label.to_owned()));
    let others = [
        (vec!["/"], "Search devices"),
        (vec!["j"], "Next row"),
        (vec!["k"], "Previous row"),
        (vec!["x"], "Choose the row"),
        (vec!["Enter"], "Open the row"),
        (vec!["Esc"], "Close what is open"),
        (vec!["?"], "This list"),
    ];
    let others = others.map(|(keys, what)| (keys.into_iter().map(str::to_owned).collect(), what.to_owned()));
    let rows = rows.chain(others).map(|(keys, what): (Vec<String>, String)| {
        let keys = keys.into_iter().map(|key| view! { <kbd>{key}</kbd> " " }).collect_view();
        view! { <div class="fact"><dt>{keys}</dt><dd>{what}</dd></div> }
    });
    view! {
        <Dialog open=is_open title="Keys">
            <dl class="facts keys">{rows.collect_view()}</dl>
        </Dialog>
    }
}

fn listen(places: Vec<Place>, is_open: RwSignal<bool>) {
    let navigate = use_navigate();
    let is_going = StoredValue::new(false);
    let press = move |event: KeyboardEvent| {
        if event.default_prevented()
            || event.ctrl_key()
            || event.meta_key()
            || event.alt_key()
            || is_typing(&event)
        {
            return;
        }
        let key = event.key();
        if is_going.get_value() {
            is_going.set_value(false);
            if let Some(place) = places.iter().find(|place| key == place.key.to_string()) {
                event.prevent_default();
                navigate(&place.href, Default::default());
            }
            return;
        }
        match key.as_str() {
            "g" => {
                is_going.set_value(true);
                set_timeout(
                    move || is_going.try_update_value(|going| *going = false).unwrap_or_default(),
                    CHORD,
                );
            }
            "/" => {
                event.prevent_default();
                focus(document().get_element_by_id(SEARCH_ID));
            }
            "j" => step(1),
            "k" => step(-1),
            "?" => is_open.set(true),
            "x" => choose(),
            _ => {}
        }
    };
    Effect::new(move |_| {
        let handle = window_event_listener(ev::keydown, press.clone());
        on_cleanup(move || handle.remove());
    });
}

/// True while keys are text, or belong to a dialog.
fn is_typing(event: &KeyboardEvent) -> bool {
    let Some(element) = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()) else {
        return false;
    };
    let is_tick =
        element.dyn_ref::<HtmlInputElement>().is_some_and(|input| input.type_().as_str() == "checkbox");
    if is_tick {
        return false;
    }
    let name = element.tag_name();
    matches!(name.as_str(), "INPUT" | "TEXTAREA" | "SELECT")
        || element.is_content_editable()
        || element.closest("dialog").is_ok_and(|dialog| dialog.is_some())
}

/// Moves the focus to the next or previous row.
fn step(by: i32) {
    let Ok(rows) = document().query_selector_all(ROWS) else { return };
    let elements = (0..rows.length()).filter_map(|index| rows.get(index)).collect::<Vec<_>>();
    let active = document().active_element();
    let current =
        elements.iter().position(|row| active.as_ref().is_some_and(|active| row.is_same_node(Some(active))));
    let next = match (current, by) {
        (Some(index), 1) => index + 1,
        (Some(index), _) => index.saturating_sub(1),
        (None, _) => 0,
    };
    focus(elements.get(next).and_then(|row| row.clone().dyn_into::<web_sys::Element>().ok()));
}

/// Ticks the row that has the focus, or takes the tick away.
fn choose() {
    let row = document().active_element().and_then(|active| active.closest("tr").ok().flatten());
    let tick = row.and_then(|row| row.query_selector("input[type=checkbox]").ok().flatten());
    if let Some(tick) = tick.and_then(|tick| tick.dyn_into::<HtmlElement>().ok()) {
        tick.click();
    }
}

fn focus(element: Option<web_sys::Element>) {
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        drop(element.focus());
    }
}
