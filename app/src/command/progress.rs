//! How far a request has come on its devices, in one honest bar: every device has its place, what went wrong is seen at
//! once, and every number leads to its devices.

use super::words::meaning;
use crate::ui::{Status, StatusKind, format};
use entity::{
    command::{CommandState, StateCount},
    id::CommandRequestId,
};
use leptos::prelude::*;

/// The parts of the bar, from what is done to what waits.
const PARTS: [StatusKind; 5] =
    [StatusKind::Ok, StatusKind::Bad, StatusKind::Off, StatusKind::Info, StatusKind::Warn];

/// The bar, what it says in words, and the number of devices in each state.
#[component]
pub(super) fn Progress(
    /// Whose devices.
    request: CommandRequestId,
    /// How many of them are in which state.
    counts: Vec<StateCount>,
) -> impl IntoView {
    let words = told(&counts);
    let states = counts.iter().filter(|one| one.count > 0).cloned().collect::<Vec<_>>();
    view! {
        <div class="progress">
            <Bar counts label=words.clone()/>
            <p class="progress-words">{words}</p>
            <ul class="state-counts">
                {states.into_iter().map(|one| {
                    let href = format!("/commands?request_id={request}&state={}", one.state.word());
                    view! {
                        <li>
                            <a class="state-link" href=href>
                                <span class="state-count">{format::count(one.count).number}</span>
                                <Status kind=meaning(one.state) word=one.state.label()/>
                            </a>
                        </li>
                    }
                }).collect_view()}
            </ul>
        </div>
    }
}

#[component]
fn Bar(counts: Vec<StateCount>, label: String) -> impl IntoView {
    let total = all(&counts);
    let mut start = 0.0;
    let parts = PARTS.map(|part| {
        let count: u64 =
            counts.iter().filter(|one| meaning(one.state) == part).map(|one| one.count).sum();
        let width = share(count, total);
        let x = start;
        start += width;
        // A hairline of paper between the parts, so that they differ without colour.
        let shown = (width - if start < 99.99 { 0.3 } else { 0.0 }).max(0.0);
        view! { <rect class=format!("progress-part {}", part.class()) x=format!("{x:.2}") width=format!("{shown:.2}") height="8"/> }
    });
    view! {
        <svg class="progress-bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=label>
            <rect class="presence-none" width="100" height="8"/>
            {parts.into_iter().collect_view()}
        </svg>
    }
}

fn all(counts: &[StateCount]) -> u64 {
    counts.iter().map(|one| one.count).sum()
}

/// A fraction before anything else, and what went wrong.
fn told(counts: &[StateCount]) -> String {
    let of = |is: &dyn Fn(CommandState) -> bool| {
        counts.iter().filter(|one| is(one.state)).map(|one| one.count).sum::<u64>()
    };
    let (total, over) = (all(counts), of(&|state: CommandState| state.is_over()));
    let failed = of(&|state| meaning(state) == StatusKind::Bad);
    let number = |value: u64| format::count(value).number;
    let noun = if total == 1 { "device" } else { "devices" };
    let have = if over == 1 { "has" } else { "have" };
    let success = match failed {
        0 => String::new(),
        failed => format!(", {} without success", number(failed)),
    };
    format!("{} of {} {noun} {have} ended{success}.", number(over), number(total))
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more")]
fn share(number: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { number as f64 * 100.0 / total as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_comes_before_what_went_wrong() {
        let one = |state, count| StateCount { state, count };
        let counts =
            [one(CommandState::Completed, 7), one(CommandState::Refused, 2), one(CommandState::Executing, 1)];
        assert_eq!(told(&counts), "9 of 10 devices have ended, 2 without success.");
        assert_eq!(told(&[one(CommandState::Pending, 1)]), "0 of 1 device have ended.");
    }
}
