//! The menu of the person: account, theme, sign out. It opens and works without JavaScript.

use super::{
    calls::{SetTheme, SignOut},
    rail::places,
};
use crate::ui::{
    ButtonKind, Form, Icon, IconName, Submit,
    theme::{Theme, show_theme, use_theme},
};
use entity::user::Me;
use leptos::{ev, html, prelude::*};
use leptos_router::hooks::use_location;
use wasm_bindgen::JsCast;

/// The menu of the person.
#[component]
pub(super) fn PersonMenu(me: Me) -> impl IntoView {
    let sign_out = ServerAction::<SignOut>::new();
    let details = NodeRef::<html::Details>::new();
    close_when_left(details);
    let role = me.role_label().to_owned();
    let aside = places(&me).into_iter().filter(|place| place.is_aside).map(|place| {
        view! { <a class="menu-item menu-aside" href=place.href><Icon icon=place.icon/> {place.label}</a> }
    });
    let aside = aside.collect_view();
    view! {
        <details class="menu" node_ref=details>
            <summary class="menu-button" aria-label=format!("Menu of {}", me.full_name)>
                <span class="menu-name">{me.full_name.clone()}</span>
                <Icon icon=IconName::Chevron/>
            </summary>
            <div class="menu-panel">
                <p class="menu-person">
                    <b>{me.full_name}</b>
                    <span>{me.email}</span>
                    <span>{role}</span>
                </p>
                <a class="menu-item" href="/account"><Icon icon=IconName::User/> "Account"</a>
                {aside}
                <ThemeSwitch/>
                <Form action=sign_out class="menu-form">
                    <Submit kind=ButtonKind::Quiet><Icon icon=IconName::SignOut/> "Sign out"</Submit>
                </Form>
            </div>
        </details>
    }
}

/// Light, dark, or as the system has it.
#[component]
fn ThemeSwitch() -> impl IntoView {
    let set_theme = ServerAction::<SetTheme>::new();
    let current = use_theme();
    let button = move |theme: Theme| {
        let icon = match theme {
            Theme::System => IconName::System,
            Theme::Light => IconName::Sun,
            Theme::Dark => IconName::Moon,
        };
        view! {
            <button
                r#type="submit"
                class="segment"
                name="theme"
                value=theme.word()
                aria-pressed=move || if current.get() == theme { "true" } else { "false" }
                on:click=move |_| show_theme(current, theme)
            >
                <Icon icon/>
                {theme.label()}
            </button>
        }
    };
    view! {
        <Form action=set_theme class="menu-form">
            <div class="segmented" role="group" aria-label="Theme">{Theme::ALL.map(button).into_iter().collect_view()}</div>
        </Form>
    }
}

/// Closes the menu when something outside of it is used.
fn close_when_left(details: NodeRef<html::Details>) {
    let close = move || {
        if let Some(details) = details.get_untracked() {
            details.set_open(false);
        }
    };
    let path = use_location().pathname;
    Effect::new(move |_| {
        path.track();
        close();
    });
    Effect::new(move |_| {
        let click = window_event_listener(ev::click, move |event| {
            let inside = event.target().and_then(|target| target.dyn_into::<web_sys::Node>().ok());
            if !details.get_untracked().is_some_and(|details| details.contains(inside.as_ref())) {
                close();
            }
        });
        let escape = window_event_listener(ev::keydown, move |event| {
            if event.key() == "Escape" {
                close();
            }
        });
        on_cleanup(move || {
            click.remove();
            escape.remove();
        });
    });
}
