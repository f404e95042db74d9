//! The REST API for scripts and integrations: decode, call one verb, encode.

pub(crate) mod alert;
pub(crate) mod api_key;
pub(crate) mod approval;
pub(crate) mod approval_policy;
pub(crate) mod audit;
pub(crate) mod business;
pub(crate) mod command;
pub(crate) mod custom_role;
pub(crate) mod device;
pub(crate) mod emergency_stop;
pub(crate) mod error_report;
pub(crate) mod evidence;
pub(crate) mod log_entry;
pub(crate) mod me;
pub(crate) mod monitored_service;
pub(crate) mod oidc;
pub(crate) mod registration;
pub(crate) mod release;
pub(crate) mod rollout;
pub(crate) mod script;
pub(crate) mod service_account;
pub(crate) mod service_location;
pub(crate) mod suggestion;
pub(crate) mod user;

mod input;
mod problem;

pub(crate) use input::{Asked, CommandOf, Id, Input, OnceKey};
pub(crate) use problem::{ApiProblem, ProblemBody, no_such_address};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// What a REST handler answers.
pub(crate) type ApiResult<T> = Result<Json<T>, ApiProblem>;

/// Something that did not exist before the request.
pub(crate) struct Created<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}
