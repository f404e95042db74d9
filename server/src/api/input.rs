//! What requests bring: bodies, query strings and ids, refused with the field that is at fault.

use super::ApiProblem;
use crate::{budget, state::AppState};
use axum::{
    Json,
    extract::{
        FromRequest, FromRequestParts, Query, RawPathParams, Request,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{StatusCode, request::Parts},
};
use entity::{
    id::CommandId,
    problem::{Problem, ProblemCode},
};
use serde::de::DeserializeOwned;
use std::{error::Error, str::FromStr};

/// A JSON body.
pub(crate) struct Input<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Input<T> {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Self::Rejection> {
        let request = budget::read(request, &state.budget).await?;
        match Json::<T>::from_request(request, state).await {
            Ok(Json(input)) => Ok(Self(input)),
            Err(rejection) => Err(bad_body(&rejection).into()),
        }
    }
}

/// A query string.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => {
                Err(at_fault(error.source()).into())
            }
            Err(rejection) => Err(Problem::new(ProblemCode::Invalid, rejection.body_text()).into()),
        }
    }
}

/// The `{id}` of the path. What cannot be an id names nothing: 404.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr> Id<T> {
    /// The id of a path that has one.
    pub(crate) async fn of(parts: &mut Parts) -> Result<Option<T>, ApiProblem> {
        let nothing = || Problem::new(ProblemCode::NotFound, "There is nothing with this id.");
        let params = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| nothing())?;
        match params.iter().find(|(name, _)| *name == "id") {
            None => Ok(None),
            Some((_, text)) => text.parse().map(Some).map_err(|_| nothing().into()),
        }
    }
}

impl<T: FromStr, S: Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        match Self::of(parts).await? {
            Some(id) => Ok(Self(id)),
            None => Err(Problem::new(ProblemCode::NotFound, "There is nothing with this id.").into()),
        }
    }
}

/// What a program calls its question, so that asking again after a lost answer asks once.
pub(crate) struct OnceKey(pub(crate) Option<String>);

impl OnceKey {
    /// Longest key.
    pub(crate) const LENGTH_MAX: usize = 128;
}

impl<S: Sync> FromRequestParts<S> for OnceKey {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let Some(value) = parts.headers.get(domain::command::KEY_HEADER) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if text.is_empty() || text.len() > Self::LENGTH_MAX {
            let detail = format!("Between 1 and {} letters, digits and signs.", Self::LENGTH_MAX);
            return Err(Problem::invalid(domain::command::KEY_HEADER, detail).into());
        }
        Ok(Self(Some(text.to_owned())))
    }
}

/// The `{command_id}` of the path.
pub(crate) struct CommandOf(pub(crate) Addressed);

/// The command that an address is about.
#[derive(Clone, Copy)]
pub(crate) struct Addressed(CommandId);

impl Addressed {
    /// Refuses a body about another command than the address.
    pub(crate) fn is(self, id: CommandId) -> Result<(), ApiProblem> {
        if self.0 == id {
            return Ok(());
        }
        Err(Problem::invalid("command_id", "The address is another command's.").into())
    }
}

impl<S: Sync> FromRequestParts<S> for CommandOf {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let nothing = || Problem::new(ProblemCode::NotFound, "There is nothing with this id.");
        let params = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| nothing())?;
        let named = params.iter().find(|(name, _)| *name == "command_id");
        let id = named.and_then(|(_, text)| text.parse().ok()).ok_or_else(nothing)?;
        Ok(Self(Addressed(id)))
    }
}

fn bad_body(rejection: &JsonRejection) -> Problem {
    match rejection {
        JsonRejection::JsonDataError(error) => at_fault(error.source()),
        JsonRejection::JsonSyntaxError(error) => {
            let detail = error.source().map_or_else(|| error.body_text(), ToString::to_string);
            Problem::new(ProblemCode::Invalid, format!("The body is not valid JSON: {detail}."))
        }
        JsonRejection::MissingJsonContentType(_) => {
            Problem::new(ProblemCode::Invalid, "Send JSON with the header `Content-Type: application/json`.")
        }
        other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(ProblemCode::TooLarge, "The body is larger than this address accepts.")
        }
        other => Problem::new(ProblemCode::Invalid, other.body_text()),
    }
}

/// Names the field from serde's message: `path: what is wrong`, or a message that quotes the field it is about.
fn at_fault(source: Option<&(dyn Error + 'static)>) -> Problem {
    let message = source.map_or_else(String::new, ToString::to_string);
    let is_path = |text: &str| {
        !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '[' | ']'))
    };
    let (path, detail) = match message.split_once(": ") {
        Some((path, detail)) if is_path(path) => (Some(path), detail),
        _ => (None, message.as_str()),
    };
    let quoted = || {
        let about_a_field = detail.starts_with("missing field") || detail.starts_with("unknown field");
        detail.split('`').nth(1).filter(|_| about_a_field)
    };
    let field = match (path.filter(|path| *path != "."), quoted()) {
        // An unknown field is reported below its own name already, a missing one below its parent's.
        (Some(path), Some(name)) if path.rsplit('.').next() != Some(name) => Some(format!("{path}.{name}")),
        (Some(path), _) => Some(path.to_owned()),
        (None, name) => name.map(ToOwned::to_owned),
    };
    // Where in the text it stands helps nobody who knows the field.
    let detail = detail.split(" at line ").next().unwrap_or(detail);
    Problem { field, ..Problem::new(ProblemCode::Invalid, sentence(detail)) }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its refusals are looked at")]
    struct Outer {
        name: String,
        inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its refusals are looked at")]
    struct Inner {
        count: u8,
    }

    async fn refused(body: &'static str) -> Problem {
        let request = Request::post("/")
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body))
            .expect("a request");
        let rejection = Json::<Outer>::from_request(request, &()).await.expect_err("refused");
        bad_body(&rejection)
    }

    #[tokio::test]
    async fn refusals_name_the_field() {
        for (body, field) in [
            (r#"{"inner":{"count":1}}"#, Some("name")),
            (r#"{"name":"a","inner":{"count":1},"extra":1}"#, Some("extra")),
            (r#"{"name":"a","inner":{"count":300}}"#, Some("inner.count")),
            (r#"{"name":"a","inner":{}}"#, Some("inner.count")),
            (r#"{"name":1,"inner":{}}"#, Some("name")),
            (r#"{"name":"#, None),
        ] {
            let problem = refused(body).await;
            assert_eq!(problem.code, ProblemCode::Invalid);
            assert_eq!(problem.field.as_deref(), field, "{body}: {}", problem.detail);
        }
    }
}
