//! Step-up: asks for another proof of who somebody is when the server wants one, and then goes on where it stopped.
//! The question itself is [`crate::factor`]'s; this is how a form asks for it.

use super::toast::encode;
use entity::problem::{Problem, ProblemCode};
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use std::sync::Arc;

/// What is done once the proof is given. Counted, so that it outlives a form that is drawn anew meanwhile.
pub type Again = Arc<dyn Fn() + Send + Sync>;

/// Asks for a proof; take it with [`use_step_up`] before an event needs it.
#[derive(Clone, Copy)]
pub struct StepUp(RwSignal<Option<Again>>);

/// Makes it possible to ask.
pub fn provide_step_up() {
    provide_context(StepUp(RwSignal::new(None)));
}

/// What asks for a proof.
#[must_use]
pub fn use_step_up() -> StepUp {
    expect_context::<StepUp>()
}

impl StepUp {
    /// Asks, and runs `again` once the proof is given.
    pub fn ask(self, again: Again) {
        self.0.set(Some(again));
    }

    /// Is somebody asked?
    #[must_use]
    pub fn is_asked(self) -> bool {
        self.0.with(Option::is_some)
    }

    /// The proof is given: goes on.
    pub fn go_on(self) {
        if let Some(again) = self.0.try_update(Option::take).flatten() {
            again();
        }
    }

    /// The question was closed: nothing happens.
    pub fn give_up(self) {
        self.0.set(None);
    }
}

/// Is a proof all that is missing?
#[must_use]
pub fn is_asked_for(problem: &Problem) -> bool {
    problem.code == ProblemCode::ConfirmIdentity
}

/// The page that asks for a proof and leads back to here; for browsers without JavaScript.
#[must_use]
pub fn confirm_path() -> String {
    format!("/account/confirm?next={}", encode(&here()))
}

/// Address of this page on this site, without the problem that a redirect may have left in it.
#[must_use]
pub fn here() -> String {
    let location = use_location();
    let path = location.pathname.get_untracked();
    let search = location.search.get_untracked();
    let kept = without_problem(&search);
    if kept.is_empty() { path } else { format!("{path}?{kept}") }
}

fn without_problem(search: &str) -> String {
    let search = search.trim_start_matches('?');
    let is_ours =
        |pair: &&str| !pair.is_empty() && !pair.starts_with("__path=") && !pair.starts_with("__err=");
    search.split('&').filter(is_ours).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::without_problem;

    #[test]
    fn a_problem_does_not_travel_on() {
        assert_eq!(without_problem("?a=1&__path=%2Fportal&__err=x&b=2"), "a=1&b=2");
        assert_eq!(without_problem("__err=x"), "");
        assert_eq!(without_problem(""), "");
    }
}
