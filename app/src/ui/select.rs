//! Select: one of several, from a list.

use super::field::FieldFrame;
use leptos::{ev, html, prelude::*};

/// One thing to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    value: String,
    label: String,
    group: Option<String>,
}

impl Choice {
    /// What is sent, and what people read.
    #[must_use]
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), group: None }
    }

    /// Puts it under a heading; choices with the same heading stand one after the other.
    #[must_use]
    pub fn under(self, group: impl Into<String>) -> Self {
        Self { group: Some(group.into()), ..self }
    }
}

/// A list to choose from, with its label; shows the form's problem when it is this field's.
#[component]
pub fn Select(
    /// Sent under this name.
    #[prop(into)]
    name: String,
    /// What to choose.
    #[prop(into)]
    label: String,
    /// What can be chosen.
    #[prop(into)]
    options: Signal<Vec<Choice>>,
    /// Chosen at first.
    #[prop(optional, into)]
    value: String,
    /// One more sentence.
    #[prop(optional, into)]
    hint: Option<String>,
    /// True when the choice with the empty value is none.
    #[prop(optional)]
    required: bool,
    /// Told the value whenever it changes.
    #[prop(optional, into)]
    on_change: Option<Callback<String>>,
) -> impl IntoView {
    let frame = FieldFrame::new(&name, hint);
    let element = NodeRef::<html::Select>::new();
    let first = value.clone();
    Effect::new(move |former: Option<()>| {
        let choices = options.get();
        if let (Some(()), Some(element)) = (former, element.get_untracked()) {
            // What somebody chose among the former choices says nothing about these.
            let kept = choices.iter().find(|choice| choice.value == first).or(choices.first());
            element.set_value(kept.map_or("", |choice| &choice.value));
        }
    });
    let tell = move |event: ev::Event| {
        if let Some(on_change) = on_change {
            on_change.run(event_target_value(&event));
        }
    };
    let select = view! {
        <select
            node_ref=element
            class="input"
            id=frame.id()
            name=name
            required=required
            on:change=tell
            aria-invalid=frame.is_invalid()
            aria-describedby=frame.described_by()
        >
            {move || view! { <Options options=options.get() value=value.clone()/> }}
        </select>
    };
    frame.view(label, select)
}

/// The options of a select.
#[component]
pub(super) fn Options(options: Vec<Choice>, value: String) -> impl IntoView {
    let mut groups: Vec<(Option<String>, Vec<Choice>)> = Vec::new();
    for choice in options {
        match groups.last_mut() {
            Some((group, choices)) if *group == choice.group => choices.push(choice),
            _ => groups.push((choice.group.clone(), vec![choice])),
        }
    }
    let option = move |choice: Choice| {
        let selected = choice.value == value;
        // The attribute is for the server's page; the property turns the choice back after a person changed it.
        view! { <option value=choice.value selected=selected prop:selected=selected>{choice.label}</option> }
    };
    let groups = groups.into_iter().map(move |(group, choices)| {
        let options = choices.into_iter().map(&option).collect_view();
        match group {
            Some(label) => view! { <optgroup label=label>{options}</optgroup> }.into_any(),
            None => options.into_any(),
        }
    });
    groups.collect_view()
}
