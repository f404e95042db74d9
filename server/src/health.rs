//! Is the process alive, and can it serve: for load balancers and people with curl.

use crate::api::ApiProblem;
use axum::extract::State;
use domain::Store;

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers too.
pub(crate) async fn ready(State(store): State<Store>) -> Result<&'static str, ApiProblem> {
    store.ready().await?;
    Ok("ready\n")
}
