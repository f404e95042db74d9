//! `POST /portal/release/upload`: what `POST /agents/upload` takes, from a browser without JavaScript. Answers with the
//! way to the page that comes next: that of the release, or the form with what is wrong.

use crate::{
    api::{ApiProblem, release},
    authenticate::Caller,
    state::AppState,
};
use axum::{
    extract::DefaultBodyLimit,
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, post},
};
use entity::release::{ARTIFACT_BYTES_MAX, MANIFEST_BYTES_MAX};

/// What stands around the file: the manifest, the fields, and the lines between them.
const AROUND_BYTES_MAX: usize = MANIFEST_BYTES_MAX + 64 * 1024;

/// The route.
pub(crate) fn route() -> MethodRouter<AppState> {
    let most = usize::try_from(ARTIFACT_BYTES_MAX).unwrap_or(usize::MAX).saturating_add(AROUND_BYTES_MAX);
    post(take).layer(DefaultBodyLimit::max(most))
}

async fn take(caller: Result<Caller, ApiProblem>, form: Result<release::Form, ApiProblem>) -> Response {
    let Ok(caller) = caller else {
        return Redirect::to("/sign-in?next=/releases/upload").into_response();
    };
    let release::Form(parts) = match form {
        Ok(form) => form,
        Err(problem) => return problem.into_response(),
    };
    match release::take(&caller.cx, parts).await {
        Ok(answer) => {
            let release = answer.release;
            let sentence = if answer.is_complete {
                format!("Release {} is complete.", release.version)
            } else {
                format!("{} of {} files are here.", release.artifacts_stored, release.artifacts)
            };
            let mut response = Redirect::to(&format!("/releases/{}", release.id)).into_response();
            if let Ok(cookie) = HeaderValue::from_str(&app::context::done_cookie(&sentence)) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(problem) => Redirect::to(&app::release::refused_path(problem)).into_response(),
    }
}
