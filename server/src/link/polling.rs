//! The link over plain HTTP, for networks that block sockets: the same messages, one request each.

use crate::{
    api::{ApiProblem, ApiResult, CommandOf, Input},
    authenticate::{Agent, Reporter},
};
use axum::{Json, response::NoContent};
use entity::command::{CommandProgress, CommandReceipt, CommandResult};
use entity::device_lock::LockSummary;
use entity::error_report::ErrorReport;
use entity::presence::LinkKind;
use entity::wire::{
    Chain, ChainAnswer, CommandsAnswer, Event, FactsReport, Heartbeat, HeartbeatAnswer, Logs, LogsAnswer,
    Metrics, MetricsAnswer, MonitoredServices, Services, Software,
};

/// `GET /agents/{id}/commands`: what waits for the device, written down as sent before it is answered.
pub(crate) async fn commands(Agent(agent): Agent) -> ApiResult<CommandsAnswer> {
    Ok(Json(domain::command::poll(&agent).await?))
}

/// `POST /agents/{id}/commands/{command_id}/receipt`
pub(crate) async fn receipt(
    Agent(agent): Agent,
    CommandOf(id): CommandOf,
    Input(receipt): Input<CommandReceipt>,
) -> Stored {
    id.is(receipt.command_id)?;
    domain::command::receipt(&agent, receipt).await?;
    Ok(NoContent)
}

/// `POST /agents/{id}/commands/{command_id}/progress`
pub(crate) async fn progress(
    Agent(agent): Agent,
    CommandOf(id): CommandOf,
    Input(progress): Input<CommandProgress>,
) -> Stored {
    id.is(progress.command_id)?;
    domain::command::progress(&agent, progress).await?;
    Ok(NoContent)
}

/// `POST /agents/{id}/commands/{command_id}/result`: answers after the result is committed.
pub(crate) async fn result(
    Agent(agent): Agent,
    CommandOf(id): CommandOf,
    Input(result): Input<CommandResult>,
) -> Stored {
    id.is(result.command_id)?;
    domain::command::result(&agent, Vec::new(), result).await?;
    Ok(NoContent)
}

/// `POST /agents/{id}/chain`: answers after the entries are committed.
pub(crate) async fn chain(Agent(agent): Agent, Input(chain): Input<Chain>) -> ApiResult<ChainAnswer> {
    Ok(Json(ChainAnswer { seq: domain::command::chain::append(&agent, chain).await? }))
}

/// A report that was stored and needs no answer.
type Stored = Result<NoContent, ApiProblem>;

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

/// `POST /agents/{id}/logs`: answers after the entries are committed.
pub(crate) async fn logs(Agent(agent): Agent, Input(logs): Input<Logs>) -> ApiResult<LogsAnswer> {
    Ok(Json(domain::log_entry::append(&agent, LinkKind::Polling, logs).await?))
}

/// `POST /agents/{id}/services`
pub(crate) async fn services(Agent(agent): Agent, Input(services): Input<Services>) -> Stored {
    domain::report::services(&agent, services).await?;
    Ok(NoContent)
}

/// `POST /agents/{id}/software`
pub(crate) async fn software(Agent(agent): Agent, Input(software): Input<Software>) -> Stored {
    domain::report::software(&agent, software).await?;
    Ok(NoContent)
}

/// `POST /agents/{id}/facts`
pub(crate) async fn facts(Agent(agent): Agent, Input(facts): Input<FactsReport>) -> Stored {
    domain::report::facts(&agent, facts).await?;
    Ok(NoContent)
}

/// `POST /agents/{id}/events`
pub(crate) async fn event(Agent(agent): Agent, Input(event): Input<Event>) -> Stored {
    domain::report::event(&agent, event).await?;
    Ok(NoContent)
}

/// `POST /agents/report_error`: the path is the requirement documents', and names no device.
pub(crate) async fn report_error(Reporter(agent): Reporter, Input(report): Input<ErrorReport>) -> Stored {
    domain::error_report::receive(&agent, report).await?;
    Ok(NoContent)
}

/// `POST /agents/{id}/monitored-services`
pub(crate) async fn monitored_services(
    Agent(agent): Agent,
    Input(report): Input<MonitoredServices>,
) -> Stored {
    domain::monitored_service::report(&agent, report).await?;
    Ok(NoContent)
}

/// `POST /agents/{id}/device-lock`
pub(crate) async fn device_lock(Agent(agent): Agent, Input(lock): Input<LockSummary>) -> Stored {
    domain::report::device_lock(&agent, lock).await?;
    Ok(NoContent)
}
