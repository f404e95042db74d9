//! The emergency stop over REST.

use super::{ApiResult, Asked, Input};
use crate::authenticate::{Caller, Confirmed};
use axum::Json;
use entity::emergency_stop::{EmergencyStopView, RearmInput, StopInput, StopQuery};

/// `GET /emergency-stop`
pub(crate) async fn list(
    caller: Caller,
    Asked(query): Asked<StopQuery>,
) -> ApiResult<Vec<EmergencyStopView>> {
    Ok(Json(domain::emergency_stop::list(&caller.cx, &query).await?))
}

/// `POST /emergency-stop`
pub(crate) async fn stop(caller: Caller, Input(input): Input<StopInput>) -> ApiResult<EmergencyStopView> {
    Ok(Json(domain::emergency_stop::stop(&caller.cx, input).await?))
}

/// `POST /emergency-stop/rearm`
pub(crate) async fn rearm(
    caller: Confirmed,
    Input(input): Input<RearmInput>,
) -> ApiResult<EmergencyStopView> {
    Ok(Json(domain::emergency_stop::rearm(&caller.cx.confirmed()?, input).await?))
}
