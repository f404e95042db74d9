//! The link over plain HTTP, for networks that block sockets: the same messages, one request each.

use crate::{
    api::{ApiProblem, ApiResult, Input},
    authenticate::Agent,
};
use axum::{Json, http::StatusCode};
use entity::presence::LinkKind;
use entity::wire::{
    Event, FactsReport, Heartbeat, HeartbeatAnswer, Metrics, MetricsAnswer, Services, Software,
};

/// A report that was stored and needs no answer.
type Stored = Result<StatusCode, ApiProblem>;

/// `POST /agents/{id}/heartbeat`
pub(crate) async fn heartbeat(
    Agent(agent): Agent,
    Input(heartbeat): Input<Heartbeat>,
) -> ApiResult<HeartbeatAnswer> {
    Ok(Json(domain::report::heartbeat(&agent, &heartbeat).await?))
}

/// `POST /agents/{id}/metrics`: answers after the samples are committed.
pub(crate) async fn metrics(Agent(agent): Agent, Input(metrics): Input<Metrics>) -> ApiResult<MetricsAnswer> {
    Ok(Json(domain::metric::append(&agent, LinkKind::Polling, metrics).await?))
}

/// `POST /agents/{id}/services`
pub(crate) async fn services(Agent(agent): Agent, Input(services): Input<Services>) -> Stored {
    domain::report::services(&agent, services).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /agents/{id}/software`
pub(crate) async fn software(Agent(agent): Agent, Input(software): Input<Software>) -> Stored {
    domain::report::software(&agent, software).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /agents/{id}/facts`
pub(crate) async fn facts(Agent(agent): Agent, Input(facts): Input<FactsReport>) -> Stored {
    domain::report::facts(&agent, facts).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /agents/{id}/events`
pub(crate) async fn event(Agent(agent): Agent, Input(event): Input<Event>) -> Stored {
    domain::report::event(&agent, event).await?;
    Ok(StatusCode::NO_CONTENT)
}
