//! Text area: several lines of text to fill in. The label stands above, the hint and the problem below.

use super::field::FieldFrame;
use leptos::{html, prelude::*};

/// A field of several lines with its label; shows the form's problem when it is this field's.
#[component]
pub fn TextArea(
    /// Sent under this name.
    #[prop(into)]
    name: String,
    /// What to fill in.
    #[prop(into)]
    label: String,
    /// Filled in at first.
    #[prop(optional, into)]
    value: String,
    /// One more sentence.
    #[prop(optional, into)]
    hint: Option<String>,
    /// Lines that are seen at once.
    #[prop(default = 4)]
    rows: u32,
    /// Most characters.
    #[prop(optional)]
    max_length: Option<usize>,
    /// True for codes and paths.
    #[prop(optional)]
    mono: bool,
) -> impl IntoView {
    let frame = FieldFrame::new(&name, hint);
    let input = NodeRef::<html::Textarea>::new();
    frame.focus_on_problem(input);
    let element = view! {
        <textarea
            node_ref=input
            class=if mono { "input text-area mono" } else { "input text-area" }
            id=frame.id()
            name=name
            rows=rows.to_string()
            maxlength=max_length.map(|length| length.to_string())
            spellcheck=mono.then_some("false")
            aria-invalid=frame.is_invalid()
            aria-describedby=frame.described_by()
        >
            {value}
        </textarea>
    };
    frame.view(label, element)
}
