//! What went wrong, in the shape of RFC 9457 `application/problem+json`; both faces answer it.

use crate::platform::words;
use serde::{Deserialize, Serialize};

words! {
    /// Stable code of a problem; what the caller can do decides which one it is.
    ProblemCode {
        /// Nobody is signed in, or the credential is not good (any more).
        SignedOut = "signed_out",
        /// Does not exist, or is not yours.
        NotFound = "not_found",
        /// Yours to see, not yours to do.
        Forbidden = "forbidden",
        /// Yours to do, once you have proved again that it is you.
        ConfirmIdentity = "confirm_identity",
        /// A field is not acceptable.
        Invalid = "invalid",
        /// Somebody else was first, or the state does not allow it.
        Conflict = "conflict",
        /// Gone for good: used, expired or revoked.
        Gone = "gone",
        /// Too many tries; wait.
        TooMany = "too_many",
        /// Too large to be accepted.
        TooLarge = "too_large",
        /// The server cannot take it at this moment; try again later.
        Unavailable = "unavailable",
        /// Our fault.
        Internal = "internal",
    }
}

impl ProblemCode {
    /// The HTTP status that goes with the code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::SignedOut => 401,
            Self::Forbidden | Self::ConfirmIdentity => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::TooLarge => 413,
            Self::Invalid => 422,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}

impl ProblemCode {
    /// True when whoever asked may not, as opposed to what was asked or the server's own troubles.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::SignedOut | Self::NotFound | Self::Forbidden | Self::ConfirmIdentity | Self::Gone
        )
    }
}

/// One thing that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[error("{detail}")]
pub struct Problem {
    /// Stable code.
    pub code: ProblemCode,
    /// A sentence for people.
    pub detail: String,
    /// The field of the input that is at fault, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Seconds to wait before trying again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

impl Problem {
    /// A problem with a code and a sentence.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), field: None, retry_after_seconds: None }
    }

    /// A field that is not acceptable, and why.
    #[must_use]
    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(ProblemCode::Invalid, detail) }
    }
}
