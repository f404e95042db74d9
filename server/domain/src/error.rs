//! What can go wrong in a verb: refused with a problem that the caller can act upon, or our own failure.

use entity::problem::{Problem, ProblemCode};
use sea_orm::{DbErr, SqlErr};

/// Result of a verb.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a verb did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Refused; the problem says why and what to do.
    #[error("{0}")]
    Refused(Problem),
    /// The database did not do what it was asked.
    #[error("the database failed: {0}")]
    Database(#[source] DbErr),
    /// Something that should be impossible, or the system around us failed.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    pub(crate) fn signed_out() -> Self {
        Problem::new(ProblemCode::SignedOut, "Sign in first.").into()
    }

    /// Does not exist, or is not yours: one answer for both.
    pub(crate) fn not_found(noun: &str) -> Self {
        Problem::new(ProblemCode::NotFound, format!("There is no such {noun}.")).into()
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Problem::new(ProblemCode::Forbidden, detail).into()
    }

    /// Theirs to do, once they have proved again that it is them.
    pub(crate) fn confirm_identity() -> Self {
        Problem::new(ProblemCode::ConfirmIdentity, "Confirm that it is you; then this goes on.").into()
    }

    pub(crate) fn conflict(field: Option<&str>, detail: impl Into<String>) -> Self {
        Problem { field: field.map(str::to_owned), ..Problem::new(ProblemCode::Conflict, detail) }.into()
    }

    pub(crate) fn gone(detail: impl Into<String>) -> Self {
        Problem::new(ProblemCode::Gone, detail).into()
    }

    pub(crate) fn unavailable(retry_after_seconds: u32) -> Self {
        Problem {
            retry_after_seconds: Some(retry_after_seconds),
            ..Problem::new(ProblemCode::Unavailable, "The server is busy. Try again in a moment.")
        }
        .into()
    }

    pub(crate) fn too_many(retry_after_seconds: u32) -> Self {
        Problem {
            retry_after_seconds: Some(retry_after_seconds),
            ..Problem::new(
                ProblemCode::TooMany,
                format!("Too many tries. Wait {} and try again.", minutes(retry_after_seconds)),
            )
        }
        .into()
    }

    /// What the faces answer. Our own failures are logged here, once, and shown without detail.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Refused(problem) => problem.clone(),
            Self::Database(source) => {
                tracing::error!(error = %source, "the database failed");
                internal()
            }
            Self::Internal(detail) => {
                tracing::error!(detail, "internal failure");
                internal()
            }
        }
    }
}

fn minutes(seconds: u32) -> String {
    match seconds.div_ceil(60) {
        1 => "a minute".to_owned(),
        n => format!("{n} minutes"),
    }
}

fn internal() -> Problem {
    Problem::new(ProblemCode::Internal, "Something went wrong on the server. Its log says what.")
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(_) => Self::unavailable(5),
            other => Self::Database(other),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        error.problem()
    }
}

/// Turns the violation of a unique index into a refusal that names the field.
pub(crate) fn on_duplicate(field: &'static str, detail: &'static str) -> impl Fn(DbErr) -> Error {
    move |error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::conflict(Some(field), detail),
        _ => error.into(),
    }
}
