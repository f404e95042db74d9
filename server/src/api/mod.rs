//! The REST API for scripts and integrations: decode, call one verb, encode.

pub(crate) mod api_key;
pub(crate) mod audit;
pub(crate) mod business;
pub(crate) mod custom_role;
pub(crate) mod device;
pub(crate) mod me;
pub(crate) mod oidc;
pub(crate) mod registration;
pub(crate) mod service_account;
pub(crate) mod service_location;
pub(crate) mod user;

mod input;
mod problem;

pub(crate) use input::{Asked, Id, Input};
pub(crate) use problem::{ApiProblem, no_such_address};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use entity::page::Page;
use serde::Serialize;

/// What a REST handler answers.
pub(crate) type ApiResult<T> = Result<Json<T>, ApiProblem>;

/// A list that is never paged, in the shape of those that are.
pub(crate) fn whole<T>(items: Vec<T>) -> Json<Page<T>> {
    let total = Some(items.len() as u64);
    Json(Page { items, next_cursor: None, total })
}

/// Something that did not exist before the request.
pub(crate) struct Created<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}
