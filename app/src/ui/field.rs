//! Field: one line of text to fill in. The label stands above, the hint and the problem below.

use super::form::FormContext;
use leptos::{html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// A text input with its label; shows the form's problem when it is this field's.
#[component]
pub fn Field(
    /// Sent under this name; a problem finds the field by it or by its last `[segment]`.
    #[prop(into)]
    name: String,
    /// What to fill in.
    #[prop(into)]
    label: String,
    /// Kind of input: `text`, `email`, `password`, `search`, …
    #[prop(default = "text")]
    kind: &'static str,
    /// Filled in at first.
    #[prop(optional, into)]
    value: Option<String>,
    /// One more sentence.
    #[prop(optional, into)]
    hint: Option<String>,
    /// True when it cannot stay empty.
    #[prop(optional)]
    required: bool,
    /// What the browser may fill in by itself.
    #[prop(optional)]
    autocomplete: Option<&'static str>,
    /// Most characters.
    #[prop(optional)]
    max_length: Option<usize>,
    /// Fewest characters.
    #[prop(optional)]
    min_length: Option<usize>,
    /// A regular expression that the whole text has to match.
    #[prop(optional, into)]
    pattern: Option<String>,
    /// True for the first thing to fill in on a page that is about filling in.
    #[prop(optional)]
    autofocus: bool,
    /// True for codes and names of machines.
    #[prop(optional)]
    mono: bool,
    /// Which keys a phone offers: `numeric`, `text`, …
    #[prop(optional)]
    input_mode: Option<&'static str>,
) -> impl IntoView {
    let frame = FieldFrame::new(&name, hint);
    let input = NodeRef::<html::Input>::new();
    frame.focus_on_problem(input);
    if autofocus {
        focus_on_arrival(input);
    }
    let element = view! {
        <input
            node_ref=input
            class=if mono { "input mono" } else { "input" }
            id=frame.id()
            r#type=kind
            name=name
            value=value
            required=required
            autocomplete=autocomplete
            maxlength=max_length.map(|length| length.to_string())
            minlength=min_length.map(|length| length.to_string())
            pattern=pattern
            inputmode=input_mode
            autofocus=autofocus
            spellcheck=(mono || kind != "text").then_some("false")
            aria-invalid=frame.is_invalid()
            aria-describedby=frame.described_by()
        />
    };
    frame.view(label, element)
}

/// Browsers do this by themselves for the first page alone, not for those that are gone to without loading anew.
fn focus_on_arrival(input: NodeRef<html::Input>) {
    Effect::new(move |_| {
        let Some(input) = input.get() else { return };
        let is_writing = document()
            .active_element()
            .is_some_and(|element| ["INPUT", "SELECT", "TEXTAREA"].contains(&element.tag_name().as_str()));
        if !is_writing {
            drop(input.focus());
        }
    });
}

/// A value that is sent with the form and not seen.
#[component]
pub fn Hidden(
    /// Sent under this name.
    #[prop(into)]
    name: String,
    /// What is sent.
    #[prop(into)]
    value: String,
) -> impl IntoView {
    view! { <input r#type="hidden" name=name value=value/> }
}

/// What stands around whatever is filled in: its label above, the hint and the problem below.
pub(super) struct FieldFrame {
    id: String,
    hint: Option<String>,
    problem: Signal<Option<String>>,
}

impl FieldFrame {
    /// For the field of this name. The form then knows that its problem is shown here.
    pub(super) fn new(name: &str, hint: Option<String>) -> Self {
        Self { id: field_id(name), hint, problem: field_problem(name) }
    }

    /// The id of what is filled in, unlike that of any other form's.
    pub(super) fn id(&self) -> String {
        self.id.clone()
    }

    /// Leads whoever sent the form to what is not acceptable.
    pub(super) fn focus_on_problem<E>(&self, input: NodeRef<E>)
    where
        E: html::ElementType<Output: AsRef<HtmlElement> + JsCast + Clone> + 'static,
    {
        let problem = self.problem;
        Effect::new(move |_| {
            if let (Some(_), Some(input)) = (problem.get(), input.get()) {
                let element: &HtmlElement = input.as_ref();
                drop(element.focus());
            }
        });
    }

    /// For `aria-invalid`.
    pub(super) fn is_invalid(&self) -> impl Fn() -> Option<&'static str> + Send + Clone + use<> {
        let problem = self.problem;
        move || problem.with(Option::is_some).then_some("true")
    }

    /// For `aria-describedby`.
    pub(super) fn described_by(&self) -> impl Fn() -> Option<String> + Send + Clone + use<> {
        let (problem, problem_id) = (self.problem, self.problem_id());
        let hint_id = self.hint.is_some().then(|| self.hint_id());
        move || {
            let parts = [hint_id.clone(), problem.with(Option::is_some).then(|| problem_id.clone())];
            let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
            (!text.is_empty()).then_some(text)
        }
    }

    /// The whole field.
    pub(super) fn view(self, label: String, input: impl IntoView + 'static) -> impl IntoView {
        let (hint_id, problem_id) = (self.hint_id(), self.problem_id());
        let Self { id, hint, problem } = self;
        view! {
            <div class="field">
                <label class="field-label" r#for=id>{label}</label>
                {input}
                {hint.map(|hint| view! { <p class="field-hint" id=hint_id>{hint}</p> })}
                {move || problem.get().map(|text| view! { <p class="field-problem" id=problem_id.clone()>{text}</p> })}
            </div>
        }
    }

    fn hint_id(&self) -> String {
        format!("{}-hint", self.id)
    }

    fn problem_id(&self) -> String {
        format!("{}-problem", self.id)
    }
}

fn field_id(name: &str) -> String {
    let form = use_context::<FormContext>().map_or("field", |form| form.id);
    let text = format!("{form}-{name}");
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn field_problem(name: &str) -> Signal<Option<String>> {
    let Some(form) = use_context::<FormContext>() else { return Signal::stored(None) };
    let key = name.rsplit('[').next().unwrap_or(name).trim_end_matches(']').to_owned();
    form.fields.update_value(|fields| fields.push(key.clone()));
    Memo::new(move |_| {
        let problem = form.problem.get()?;
        (problem.field.as_deref() == Some(key.as_str())).then_some(problem.detail)
    })
    .into()
}

/// The pattern that only this text matches.
pub(super) fn pattern_of(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        // Browsers read patterns with the `v` flag, under which a backslash before anything else is a mistake.
        if r"\^$.*+?()[]{}|/".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::pattern_of;

    #[test]
    fn a_pattern_matches_its_text_only() {
        assert_eq!(pattern_of("web-01 (old)"), r"web-01 \(old\)");
    }
}
