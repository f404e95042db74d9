//! Every part on one page, in development builds: where a part is looked at before it is used.

mod data;
mod forms;
mod numbers;
mod signs;

use crate::ui::theme::{Theme, show_theme, use_theme};
use forms::{Buttons, Fields, Filters};
use leptos::prelude::*;
use leptos_meta::Title;
use numbers::{Charts, Numbers, Rows};
use signs::{Signs, Surfaces};

/// The parts, light or dark.
#[component]
pub fn GalleryPage() -> impl IntoView {
    let theme = use_theme();
    let switch = Theme::ALL.map(|each| {
        view! {
            <button
                r#type="button"
                class="segment needs-js"
                aria-pressed=move || if theme.get() == each { "true" } else { "false" }
                on:click=move |_| show_theme(theme, each)
            >
                {each.label()}
            </button>
        }
    });
    view! {
        <Title text="Parts"/>
        <main id="main" class="gallery">
            <h1>"Parts"</h1>
            <div class="segmented" role="group" aria-label="Theme">{switch.into_iter().collect_view()}</div>
            <Buttons/>
            <Fields/>
            <Filters/>
            <Signs/>
            <Numbers/>
            <Rows/>
            <Charts/>
            <Surfaces/>
        </main>
    }
}

/// One part with its name.
#[component]
fn Part(title: &'static str, children: Children) -> impl IntoView {
    view! {
        <section class="gallery-part" aria-label=title>
            <h2>{title}</h2>
            {children()}
        </section>
    }
}
