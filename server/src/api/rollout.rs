//! Rollouts over REST: what people make, start, hold and undo, and what devices ask and say of their updates.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input};
use crate::{
    authenticate::{Agent, Caller, Confirmed},
    openapi::{Part, Sketch},
};
use axum::{
    Json,
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use entity::{
    id::{DeviceId, RolloutId, UpdateId},
    page::Page,
    problem::{Problem, ProblemCode},
    rollout::{
        NoteInput, PreviewQuestion, ResumeInput, RollBackInput, RolloutDevice, RolloutInput, RolloutPolicy,
        RolloutPreview, RolloutQuery, RolloutRow, RolloutView, UpdateQuery,
    },
    update::{GoAnswer, UpdateStatus, UpdateStatusAck, UpdateView},
};
use serde_json::json;

/// `GET /rollouts`
pub(crate) async fn list(caller: Caller, Asked(query): Asked<RolloutQuery>) -> ApiResult<Page<RolloutRow>> {
    Ok(Json(domain::rollout::list(&caller.cx, &query).await?))
}

/// `POST /rollouts`
pub(crate) async fn create(
    caller: Caller,
    Input(input): Input<RolloutInput>,
) -> Result<Created<RolloutView>, ApiProblem> {
    Ok(Created(domain::rollout::create(&caller.cx, input).await?))
}

/// `POST /rollouts/preview`
pub(crate) async fn preview(caller: Caller, Input(input): Input<RolloutInput>) -> ApiResult<RolloutPreview> {
    Ok(Json(domain::rollout::preview(&caller.cx, input).await?))
}

/// `POST /rollouts/preview/devices`
pub(crate) async fn preview_devices(
    caller: Caller,
    Input(question): Input<PreviewQuestion>,
) -> ApiResult<Page<RolloutDevice>> {
    Ok(Json(domain::rollout::preview_devices(&caller.cx, question).await?))
}

/// `GET /rollouts/policy`
pub(crate) async fn policy(caller: Caller) -> ApiResult<RolloutPolicy> {
    Ok(Json(domain::rollout::policy(&caller.cx).await?))
}

/// `PUT /rollouts/policy`
pub(crate) async fn set_policy(
    person: Confirmed,
    Input(policy): Input<RolloutPolicy>,
) -> ApiResult<RolloutPolicy> {
    Ok(Json(domain::rollout::set_policy(&person.cx.confirmed()?, policy).await?))
}

/// `GET /rollouts/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<RolloutId>) -> ApiResult<RolloutView> {
    Ok(Json(domain::rollout::get(&caller.cx, id).await?))
}

/// `PUT /rollouts/{id}`
pub(crate) async fn redraft(
    caller: Caller,
    Id(id): Id<RolloutId>,
    Input(input): Input<RolloutInput>,
) -> ApiResult<RolloutView> {
    Ok(Json(domain::rollout::redraft(&caller.cx, id, input).await?))
}

/// `GET /rollouts/{id}/devices`
pub(crate) async fn devices(
    caller: Caller,
    Id(id): Id<RolloutId>,
    Asked(query): Asked<UpdateQuery>,
) -> ApiResult<Page<UpdateView>> {
    Ok(Json(domain::rollout::devices(&caller.cx, id, &query).await?))
}

/// `GET /agents/{id}/updates`
pub(crate) async fn of_device(
    caller: Caller,
    Id(id): Id<DeviceId>,
    Asked(query): Asked<UpdateQuery>,
) -> ApiResult<Page<UpdateView>> {
    Ok(Json(domain::rollout::of_device(&caller.cx, id, &query).await?))
}

/// `POST /rollouts/{id}/submit`
pub(crate) async fn submit(person: Confirmed, Id(id): Id<RolloutId>) -> ApiResult<RolloutView> {
    Ok(Json(domain::rollout::submit(&person.cx.confirmed()?, id).await?))
}

/// `POST /rollouts/{id}/approve`
pub(crate) async fn approve(
    person: Confirmed,
    Id(id): Id<RolloutId>,
    Input(input): Input<NoteInput>,
) -> ApiResult<RolloutView> {
    Ok(Json(domain::rollout::approve(&person.cx.confirmed()?, id, input).await?))
}

/// `POST /rollouts/{id}/start`
pub(crate) async fn start(person: Confirmed, Id(id): Id<RolloutId>) -> ApiResult<RolloutView> {
    Ok(Json(domain::rollout::start(&person.cx.confirmed()?, id).await?))
}

/// `POST /rollouts/{id}/pause`
pub(crate) async fn pause(
    caller: Caller,
    Id(id): Id<RolloutId>,
    Input(input): Input<NoteInput>,
) -> ApiResult<RolloutView> {
    Ok(Json(domain::rollout::pause(&caller.cx, id, input).await?))
}

/// `POST /rollouts/{id}/resume`
pub(crate) async fn resume(
    caller: Caller,
    Id(id): Id<RolloutId>,
    Input(input): Input<ResumeInput>,
) -> ApiResult<RolloutView> {
    Ok(Json(domain::rollout::resume(&caller.cx, id, input).await?))
}

/// `POST /rollouts/{id}/halt`
pub(crate) async fn halt(
    caller: Caller,
    Id(id): Id<RolloutId>,
    Input(input): Input<NoteInput>,
) -> ApiResult<RolloutView> {
    Ok(Json(domain::rollout::halt(&caller.cx, id, input).await?))
}

/// `POST /rollouts/{id}/cancel`
pub(crate) async fn cancel(
    caller: Caller,
    Id(id): Id<RolloutId>,
    Input(input): Input<NoteInput>,
) -> ApiResult<RolloutView> {
    Ok(Json(domain::rollout::cancel(&caller.cx, id, input).await?))
}

/// `POST /rollouts/{id}/roll-back`
pub(crate) async fn roll_back(
    person: Confirmed,
    Id(id): Id<RolloutId>,
    Input(input): Input<RollBackInput>,
) -> Result<Created<RolloutView>, ApiProblem> {
    Ok(Created(domain::rollout::roll_back(&person.cx.confirmed()?, id, input).await?))
}

/// `GET /agents/{id}/updates/{update_id}/go`
pub(crate) async fn go(Agent(agent): Agent, UpdateOf(id): UpdateOf) -> ApiResult<GoAnswer> {
    Ok(Json(domain::rollout::go(&agent, id).await?))
}

/// `POST /agents/{id}/updates/{update_id}`
pub(crate) async fn report(
    Agent(agent): Agent,
    UpdateOf(id): UpdateOf,
    Input(status): Input<UpdateStatus>,
) -> ApiResult<UpdateStatusAck> {
    if status.update_id != id {
        return Err(Problem::invalid("update_id", "The address is another update's.").into());
    }
    Ok(Json(domain::rollout::report(&agent, status).await?))
}

/// The update that an address is about.
pub(crate) struct UpdateOf(UpdateId);

impl<S: Sync> FromRequestParts<S> for UpdateOf {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let nothing = || Problem::new(ProblemCode::NotFound, "There is nothing with this id.");
        let params = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| nothing())?;
        let named = params.iter().find(|(name, _)| *name == "update_id");
        Ok(Self(named.and_then(|(_, text)| text.parse().ok()).ok_or_else(nothing)?))
    }
}

impl Part for UpdateOf {
    fn describe(sketch: &mut Sketch<'_>) {
        let schema = json!({ "type": "string", "format": "uuid" });
        sketch.asks(json!({ "name": "update_id", "in": "path", "required": true, "schema": schema }));
        sketch.refuses(&[ProblemCode::NotFound]);
    }
}
