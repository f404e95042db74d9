//! Button: what does something, and links that look like it.

use super::form::FormContext;
use leptos::prelude::*;

/// How much a button asks to be pressed. None is red: colour is for status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonKind {
    /// The one thing to do here.
    Primary,
    /// One of several things to do.
    #[default]
    Plain,
    /// Without a frame, for tools in a row.
    Quiet,
}

impl ButtonKind {
    const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button-primary",
            Self::Plain => "button",
            Self::Quiet => "button button-quiet",
        }
    }
}

/// A button that needs JavaScript; `on:click` says what it does.
#[component]
pub fn Button(
    /// How much it asks to be pressed.
    #[prop(optional)]
    kind: ButtonKind,
    /// True while it cannot be pressed.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// The label.
    children: Children,
) -> impl IntoView {
    view! {
        <button r#type="button" class=kind.class() disabled=move || disabled.get()>
            {children()}
        </button>
    }
}

/// The button that sends the form around it; busy while the answer is on its way.
#[component]
pub fn Submit(
    /// How much it asks to be pressed.
    #[prop(default = ButtonKind::Primary)]
    kind: ButtonKind,
    /// Sent with the form under this name, for forms with more than one button.
    #[prop(optional)]
    name: Option<&'static str>,
    /// What is sent under the name.
    #[prop(optional, into)]
    value: Option<String>,
    /// The label.
    children: Children,
) -> impl IntoView {
    let pending = use_context::<FormContext>().map(|form| form.pending);
    let is_pending = move || pending.is_some_and(|pending| pending.get());
    view! {
        <button
            r#type="submit"
            class=kind.class()
            name=name
            value=value
            aria-busy=move || is_pending().then_some("true")
            disabled=is_pending
        >
            {children()}
        </button>
    }
}

/// A link that looks like a button.
#[component]
pub fn LinkButton(
    /// Where it leads.
    #[prop(into)]
    href: String,
    /// How much it asks to be pressed.
    #[prop(optional)]
    kind: ButtonKind,
    /// The label.
    children: Children,
) -> impl IntoView {
    view! { <a class=kind.class() href=href>{children()}</a> }
}
