//! Who am I: the first thing a script asks.

use super::ApiResult;
use crate::authenticate::Caller;
use axum::Json;
use entity::user::Me;

/// `GET /me`
pub(crate) async fn get(caller: Caller) -> ApiResult<Me> {
    Ok(Json(caller.cx.me().clone()))
}
