//! Output: what a program wrote, as text whatever it wrote; follows its end while more comes, and can be searched, wrapped
//! and copied.

use super::{format, icon::IconName, terminal};
use leptos::{ev::KeyboardEvent, html, prelude::*};
use std::{ops::Range, time::Duration};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// How near to the end somebody has to be so that the view follows it, in pixels.
const NEAR: i32 = 400;
/// Most places that are marked: what a search finds more often is told by its number.
const MARKED_MAX: usize = 1_000;
/// The button says for this long that it has copied.
const SAID: Duration = Duration::from_secs(2);

/// The output of a program, as it was written; escapes are never obeyed.
#[component]
pub fn Output(
    /// What it wrote so far.
    #[prop(into)]
    text: Signal<String>,
    /// How many bytes it wrote in all, when that is known.
    #[prop(optional_no_strip, into)]
    total_bytes: Option<u64>,
    /// True while more may come.
    #[prop(optional, into)]
    is_running: Signal<bool>,
) -> impl IntoView {
    let (is_exact, is_wrapped) = (RwSignal::new(false), RwSignal::new(true));
    let search = Search::new();
    let shown = Memo::new(move |_| {
        text.with(|text| if is_exact.get() { terminal::exact(text) } else { terminal::plain(text) }).text
    });
    let found = Memo::new(move |_| shown.with(|shown| search.typed.with(|typed| find(shown, typed))));
    let frame = NodeRef::<html::Pre>::new();
    Effect::new(move |_| {
        shown.track();
        let Some(frame) = frame.get_untracked() else { return };
        let left = frame.scroll_height() - frame.scroll_top() - frame.client_height();
        if is_running.get_untracked() && left < NEAR {
            // After the new text has its place.
            request_animation_frame(move || frame.set_scroll_top(frame.scroll_height()));
        }
    });
    Effect::new(move |_| {
        let has_found = found.with(|found| !found.is_empty());
        search.at.track();
        if has_found && let Some(frame) = frame.get_untracked() {
            request_animation_frame(move || scroll_to_mark(&frame));
        }
    });
    view! {
        <div class="output">
            <Show when=move || !text.with(String::is_empty)>
                <Tools search found is_wrapped copied=shown/>
            </Show>
            <pre
                node_ref=frame
                class="code output-text"
                class:is-unwrapped=move || !is_wrapped.get()
                tabindex="0"
                role="region"
                aria-label="Output"
            ><code>{move || shown.with(|text| found.with(|found| marked(text, found, search.at.get())))}</code></pre>
            <Facts text total_bytes is_running is_exact/>
        </div>
    }
}

/// What somebody looks for, and which of the places they are at.
#[derive(Clone, Copy)]
struct Search {
    typed: RwSignal<String>,
    at: RwSignal<usize>,
}

impl Search {
    fn new() -> Self {
        Self { typed: RwSignal::new(String::new()), at: RwSignal::new(0) }
    }

    /// The next place, or the one before; behind the last comes the first.
    fn step(self, count: usize, is_back: bool) {
        if count > 0 {
            let by = if is_back { count - 1 } else { 1 };
            self.at.update(|at| *at = (*at + by) % count);
        }
    }
}

/// Where the text stands in the output, whatever its case.
fn find(output: &str, typed: &str) -> Vec<Range<usize>> {
    if typed.is_empty() {
        return Vec::new();
    }
    // Of ASCII alone, so that every place stays where it is.
    let (output, typed) = (output.to_ascii_lowercase(), typed.to_ascii_lowercase());
    let places = output.match_indices(&typed).map(|(at, found)| at..at + found.len());
    places.take(MARKED_MAX).collect()
}

/// The output with its places marked.
fn marked(output: &str, found: &[Range<usize>], current: usize) -> AnyView {
    if found.is_empty() {
        return output.to_owned().into_any();
    }
    let mut pieces = Vec::new();
    let mut end = 0;
    for (index, place) in found.iter().enumerate() {
        let (before, mark) = (output.get(end..place.start), output.get(place.clone()));
        let is_current = index == current;
        pieces.push(
            view! { {before.unwrap_or_default().to_owned()} <mark class:is-current=is_current>{mark.unwrap_or_default().to_owned()}</mark> }
                .into_any(),
        );
        end = place.end;
    }
    pieces.push(output.get(end..).unwrap_or_default().to_owned().into_any());
    pieces.into_any()
}

fn scroll_to_mark(frame: &web_sys::HtmlPreElement) {
    let mark = frame.query_selector("mark.is-current").ok().flatten();
    if let Some(mark) = mark.and_then(|mark| mark.dyn_into::<HtmlElement>().ok()) {
        // The page stays where it is: only what is inside the frame moves.
        frame.set_scroll_top(mark.offset_top() - frame.client_height() / 2);
    }
}

/// Search, wrap and copy. They need JavaScript; the text can be searched and taken by the browser's own means without.
#[component]
fn Tools(
    search: Search,
    found: Memo<Vec<Range<usize>>>,
    is_wrapped: RwSignal<bool>,
    copied: Memo<String>,
) -> impl IntoView {
    let is_copied = RwSignal::new(false);
    let count = move || found.with(Vec::len);
    let step = move |event: KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
            search.step(count(), event.shift_key());
        }
    };
    let copy = move |_| {
        let clipboard = window().navigator().clipboard();
        // Browsers give pages a clipboard only over https or on localhost.
        if !wasm_bindgen::JsValue::from(clipboard.clone()).is_undefined() {
            drop(clipboard.write_text(&copied.get_untracked()));
            is_copied.set(true);
            set_timeout(move || is_copied.try_set(false).map_or((), drop), SAID);
        }
    };
    view! {
        <div class="output-tools needs-js" role="group" aria-label="Tools for the output">
            <input
                class="input output-search"
                r#type="search"
                aria-label="Search the output"
                placeholder="Search the output"
                prop:value=move || search.typed.get()
                on:input=move |event| {
                    search.at.set(0);
                    search.typed.set(event_target_value(&event));
                }
                on:keydown=step
            />
            <span class="quiet output-found" aria-live="polite">
                {move || search.typed.with(|typed| !typed.is_empty()).then(|| told(count(), search.at.get()))}
            </span>
            <button
                r#type="button"
                class="button button-quiet"
                aria-pressed=move || if is_wrapped.get() { "true" } else { "false" }
                on:click=move |_| is_wrapped.update(|is| *is = !*is)
            >
                "Wrap lines"
            </button>
            <button r#type="button" class="button button-quiet" on:click=copy>
                {move || if is_copied.get() { IconName::Check } else { IconName::Copy }.view()}
                <span aria-live="polite">{move || if is_copied.get() { "Copied" } else { "Copy" }}</span>
            </button>
        </div>
    }
}

/// How often it was found, and at which place somebody is.
fn told(count: usize, at: usize) -> String {
    match count {
        0 => "Not found".to_owned(),
        MARKED_MAX => format!("{} of {MARKED_MAX} and more", at + 1),
        count => format!("{} of {count}", at + 1),
    }
}

/// What is left out, and what was not written.
#[component]
fn Facts(
    text: Signal<String>,
    total_bytes: Option<u64>,
    is_running: Signal<bool>,
    is_exact: RwSignal<bool>,
) -> impl IntoView {
    let controls = Memo::new(move |_| text.with(|text| terminal::plain(text).controls));
    let cut = move || {
        let kept = text.with(String::len) as u64;
        total_bytes.filter(|total| !is_running.get() && *total > kept).map(|total| {
            format!("Only the first {} of {} are kept.", format::bytes(kept), format::bytes(total))
        })
    };
    view! {
        <p class="output-facts quiet">
            {move || if text.with(String::is_empty) {
                if is_running.get() { "Nothing has been written yet." } else { "Nothing was written." }
            } else {
                ""
            }}
            {cut}
            {move || (controls.get() > 0).then(|| view! {
                <span>
                    {controls.get()} " control characters or sequences are "
                    {move || if is_exact.get() { "shown as words. " } else { "left out. " }}
                </span>
                <button
                    r#type="button"
                    class="button button-quiet needs-js"
                    aria-pressed=move || if is_exact.get() { "true" } else { "false" }
                    on:click=move |_| is_exact.update(|exact| *exact = !*exact)
                >
                    "Show them"
                </button>
            })}
        </p>
    }
}

#[cfg(test)]
mod tests {
    use super::{MARKED_MAX, find, told};

    #[test]
    fn text_is_found_whatever_its_case_and_letters() {
        assert_eq!(find("Error: ÄÖ error", "ERROR"), [0..5, 12..17]);
        assert_eq!(find("İstanbul İ", "İ"), [0..2, 10..12]);
        assert!(find("abc", "").is_empty() && find("", "a").is_empty());
        assert_eq!(find(&"a".repeat(MARKED_MAX + 5), "a").len(), MARKED_MAX);
    }

    #[test]
    fn places_are_counted_from_one() {
        assert_eq!(told(0, 0), "Not found");
        assert_eq!(told(3, 1), "2 of 3");
    }
}
