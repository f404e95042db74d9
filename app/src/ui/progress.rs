//! Progress: how far something has come that takes a while, in a bar and in words.

use super::format;
use leptos::prelude::*;

/// A bar, and beside it how much of how much. What else there is to say stands below.
#[component]
pub fn Progress(
    /// What is under way.
    #[prop(into)]
    label: String,
    /// Bytes so far.
    #[prop(into)]
    done: Signal<u64>,
    /// Bytes in all.
    #[prop(into)]
    total: Signal<u64>,
    /// A few words more, such as how fast it goes.
    #[prop(optional, into)]
    words: Signal<String>,
) -> impl IntoView {
    let share = Memo::new(move |_| share(done.get(), total.get()));
    view! {
        <div class="transfer">
            <progress class="transfer-bar" max="1000" value=move || share.get().to_string() aria-label=label></progress>
            <p class="transfer-words">
                <span class="transfer-share">{move || format::percent(f64::from(share.get()) / 10.0).to_string()}</span>
                <span>{move || format!("{} of {}", format::bytes(done.get()), format::bytes(total.get()))}</span>
                <span>{move || words.get()}</span>
            </p>
        </div>
    }
}

/// In thousandths; all only when it is all.
fn share(done: u64, total: u64) -> u16 {
    if done >= total {
        return 1000;
    }
    u16::try_from(u128::from(done) * 1000 / u128::from(total)).unwrap_or(1000).min(999)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn all_is_said_of_all_alone() {
        for (done, total, expected) in [
            (0, 0, 1000),
            (0, 10, 0),
            (5, 10, 500),
            (u64::MAX - 1, u64::MAX, 999),
            (10, 10, 1000),
            (11, 10, 1000),
        ] {
            assert_eq!(share(done, total), expected, "{done} of {total}");
        }
    }
}
