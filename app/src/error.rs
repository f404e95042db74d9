//! What a server function answers when it cannot do what was asked: the same problem that the API answers.

use crate::codec::Text;
use entity::problem::{Problem, ProblemCode};
use serde::{Deserialize, Serialize};
use server_fn::error::{FromServerFnError, ServerFnErrorErr};

/// A problem on its way to the browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PortalError(pub Problem);

impl std::fmt::Display for PortalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for PortalError {}

impl PortalError {
    /// Nobody is signed in.
    #[must_use]
    pub fn signed_out() -> Self {
        Self(Problem::new(ProblemCode::SignedOut, "You are signed out. Sign in to go on."))
    }

    /// What the person looks for does not exist, or is not theirs.
    #[must_use]
    pub fn not_found() -> Self {
        Self(Problem::new(ProblemCode::NotFound, "There is nothing here, or it is not yours to see."))
    }
}

impl FromServerFnError for PortalError {
    type Encoder = Text;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let (code, detail) = match error {
            // On the server it is what was sent that cannot be read, in the browser what was answered.
            #[cfg(feature = "ssr")]
            ServerFnErrorErr::Deserialization(_) => {
                (ProblemCode::Invalid, "What was sent cannot be read. Reload the page and try again.")
            }
            #[cfg(not(feature = "ssr"))]
            ServerFnErrorErr::Deserialization(_) => {
                (ProblemCode::Internal, "The server answered something else than expected. Reload the page.")
            }
            ServerFnErrorErr::Request(_) => (
                ProblemCode::Unavailable,
                "The server cannot be reached. Check the connection and try again.",
            ),
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Serialization(_) => (
                ProblemCode::Invalid,
                "Something in the form is missing or not understood. Check it and try again.",
            ),
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::MiddlewareError(_)
            | ServerFnErrorErr::Response(_) => (
                ProblemCode::Internal,
                "The server failed to do this. Try again; if it fails again, tell us.",
            ),
        };
        // The framework's own answer to any of these would be a failure of ours.
        #[cfg(feature = "ssr")]
        crate::context::set_status(code);
        Self(Problem::new(code, detail))
    }
}

/// Also gives the HTTP response the problem's status.
#[cfg(feature = "ssr")]
impl From<domain::Error> for PortalError {
    fn from(error: domain::Error) -> Self {
        let problem = error.problem();
        crate::context::set_status(problem.code);
        Self(problem)
    }
}
