//! File drop: files that are chosen, or dragged onto the page and dropped. Without JavaScript it is the browser's own
//! control, which drops work on too.

use super::field::FieldFrame;
use leptos::{ev, html, prelude::*};
use web_sys::{DataTransfer, DragEvent, File, FileList, HtmlInputElement};

/// A place for files with its label; shows the form's problem when it is this field's.
#[component]
pub fn FileDrop(
    /// Sent under this name.
    #[prop(into)]
    name: String,
    /// Which file.
    #[prop(into)]
    label: String,
    /// One more sentence.
    #[prop(optional, into)]
    hint: Option<String>,
    /// What the browser offers first, as in `accept`.
    #[prop(optional)]
    accept: Option<&'static str>,
    /// More than one at once, where JavaScript runs.
    #[prop(optional)]
    multiple: bool,
    /// Whatever was chosen is forgotten once it was told, so that the same can be chosen again.
    #[prop(optional)]
    forgets: bool,
    /// Told the files whenever some are chosen or dropped.
    #[prop(into)]
    on_files: Callback<Vec<File>>,
) -> impl IntoView {
    let frame = FieldFrame::new(&name, hint);
    let input = NodeRef::<html::Input>::new();
    frame.focus_on_problem(input);
    if multiple {
        Effect::new(move |_| {
            if let Some(input) = input.get() {
                input.set_multiple(true);
            }
        });
    }
    let is_over = RwSignal::new(false);
    let take = move |input: &HtmlInputElement| {
        let files = input.files().map(|list| all(&list)).unwrap_or_default();
        if !files.is_empty() {
            on_files.run(files);
        }
        if forgets {
            input.set_value("");
        }
    };
    let chosen = move |_: ev::Event| {
        if let Some(input) = input.get_untracked() {
            take(&input);
        }
    };
    let over = move |event: DragEvent| {
        if event.data_transfer().is_some_and(|data| holds_files(&data)) {
            event.prevent_default();
            is_over.set(true);
        }
    };
    let dropped = move |event: DragEvent| {
        is_over.set(false);
        let Some(list) = event.data_transfer().and_then(|data| data.files()) else { return };
        event.prevent_default();
        let Some(input) = input.get_untracked() else { return };
        // The form then holds what was dropped as if it had been chosen.
        input.set_files(Some(&list));
        take(&input);
    };
    let element = view! {
        <div
            class="file-drop"
            class:is-over=move || is_over.get()
            on:dragenter=over
            on:dragover=over
            on:dragleave=move |_| is_over.set(false)
            on:drop=dropped
        >
            <input
                node_ref=input
                class="file-drop-input"
                id=frame.id()
                r#type="file"
                name=name
                accept=accept
                on:change=chosen
                aria-invalid=frame.is_invalid()
                aria-describedby=frame.described_by()
            />
            <span class="file-drop-words needs-js" aria-hidden="true">
                {if multiple { "or drop files here" } else { "or drop a file here" }}
            </span>
        </div>
    };
    frame.view(label, element)
}

fn all(list: &FileList) -> Vec<File> {
    (0..list.length()).filter_map(|index| list.get(index)).collect()
}

fn holds_files(data: &DataTransfer) -> bool {
    data.types().iter().any(|kind| kind.as_string().as_deref() == Some("Files"))
}
