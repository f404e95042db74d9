//! Page cursors: opaque outside, JSON inside.

use crate::{Error, Result};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::problem::{Problem, ProblemCode};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) fn encode(position: &impl Serialize) -> Result<String> {
    let json = serde_json::to_vec(position).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// A cursor names a page; this one names none.
pub(crate) fn no_page(detail: &str) -> Error {
    Problem { field: Some("cursor".to_owned()), ..Problem::new(ProblemCode::NotFound, detail) }.into()
}

/// # Errors
/// Names the field `cursor` when it is not one of ours.
pub(crate) fn decode<T: DeserializeOwned>(cursor: &str) -> Result<T> {
    let wrong = || no_page("This is not a cursor from an earlier page.");
    let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
    serde_json::from_slice(&json).map_err(|_| wrong())
}
