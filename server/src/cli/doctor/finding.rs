//! One thing that was looked at.

use serde_json::{Value, json};

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// The server runs, but somebody should look.
    Warning,
    /// The server does not run, or not safely.
    Problem,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What was found about something.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    area: &'static str,
    pub(super) state: State,
    what: String,
    advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(area: &'static str, what: impl Into<String>) -> Self {
        Self { area, state: State::Ok, what: what.into(), advice: None }
    }

    pub(super) fn warning(area: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { area, state: State::Warning, what: what.into(), advice: Some(advice.into()) }
    }

    pub(super) fn problem(area: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { area, state: State::Problem, what: what.into(), advice: Some(advice.into()) }
    }

    pub(super) fn line(&self) -> String {
        let advice = self.advice.as_ref().map(|advice| format!("\n{:21}{advice}", "")).unwrap_or_default();
        format!("{:<7}  {:<8}  {}{advice}", self.state.word(), self.area, self.what)
    }

    pub(super) fn json(&self) -> Value {
        json!({"state": self.state.word(), "area": self.area, "what": self.what, "advice": self.advice})
    }
}
