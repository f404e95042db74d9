//! `GET /metrics`: what an operator's Prometheus reads. Not for everybody: whoever asks shows the token that lies beside
//! the database. Nothing here names a business, a person or a device.

mod process;
mod request;
mod token;

pub use token::MetricsToken;

pub(crate) use request::measure;

use crate::{
    api::{ApiProblem, no_such_address},
    authenticate::bearer,
    state::AppState,
};
use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use domain::{BusState, BusTraffic, Store, SystemCx, telemetry::Standing};
use entity::problem::{Problem, ProblemCode};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};
use request::Requests;

/// The format, as the scraper is told it.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counters that somebody else keeps, by one label.
type Counters = Family<[(&'static str, &'static str); 1], Counter>;
/// Values by one label.
type Gauges = Family<[(&'static str, &'static str); 1], Gauge>;

/// Everything that is shown.
pub(crate) struct Telemetry {
    registry: Registry,
    pub(crate) requests: Requests,
    now: Now,
}

/// What is looked up when somebody asks.
#[derive(Default)]
struct Now {
    devices: Gauges,
    sessions: Gauge,
    streams: Gauge,
    ingest_bytes: Gauge,
    connections: Gauges,
    queue: Gauges,
    queue_room: Gauges,
    unsealed: Gauge,
    database_bytes: Gauge,
    is_database_there: Gauge,
    limited: Counters,
    is_bus_connected: Gauge,
    bus: Counters,
    command_key_seconds: Gauge,
    has_command_root: Gauge,
    process: process::Process,
}

impl Telemetry {
    pub(crate) fn new(store: &Store) -> Self {
        let mut registry = Registry::default();
        let (requests, now) = (Requests::default(), Now::default());
        now.process.register(&mut registry);
        let ours = registry.sub_registry_with_prefix("reeve");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        ours.register("build", "What this server was built from", build);
        requests.register(ours);
        now.register(ours);
        store.telemetry().register(ours);
        Self { registry, requests, now }
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Now {
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "devices",
            "Devices that may talk to the server, by presence",
            self.devices.clone(),
        );
        registry.register("sessions", "Sessions of people that have not ended", self.sessions.clone());
        registry.register("event_streams", "Open pages that are told what happens", self.streams.clone());
        registry.register(
            "ingest_bytes",
            "Bytes of bodies and messages that are in memory until they are answered",
            self.ingest_bytes.clone(),
        );
        let queue = registry.sub_registry_with_prefix("samples_queue");
        queue.register("waiting", "What waits for its commit: messages and their bytes", self.queue.clone());
        queue.register("room", "How much may wait: messages and their bytes", self.queue_room.clone());
        registry.register(
            "metric_batches_unsealed",
            "Batches of samples that wait to be sealed, counted to 100000",
            self.unsealed.clone(),
        );
        let database = registry.sub_registry_with_prefix("database");
        database.register("up", "1 when the database answered", self.is_database_there.clone());
        database.register("size_bytes", "Size of the database", self.database_bytes.clone());
        database.register("connections", "Connections to the database, by state", self.connections.clone());
        registry.register(
            "limited",
            "Requests and messages refused, by kind of bucket",
            self.limited.clone(),
        );
        let keys = registry.sub_registry_with_prefix("command_key");
        keys.register(
            "valid_seconds",
            "Seconds that the command key still signs; no device gets a command after that",
            self.command_key_seconds.clone(),
        );
        keys.register(
            "root_present",
            "1 when the root is beside the command key, which is then renewed by itself",
            self.has_command_root.clone(),
        );
        let bus = registry.sub_registry_with_prefix("bus");
        bus.register("connected", "1 while the bus between servers is there", self.is_bus_connected.clone());
        bus.register("messages", "Messages between servers, by what became of them", self.bus.clone());
    }

    fn set(&self, state: &AppState, standing: Option<&Standing>) {
        self.is_database_there.set(i64::from(standing.is_some()));
        if let Some(standing) = standing {
            self.stands(standing);
        }
        self.streams.set(whole(state.streams.open_in_all()));
        self.ingest_bytes.set(whole(state.budget.held()));
        for (name, count) in state.limiter.refusals() {
            count_to(&self.limited, "bucket", name, count);
        }
        self.is_bus_connected.set(i64::from(state.store.bus_state() == BusState::Connected));
        let keys = state.store.signer().report();
        let left = keys.ends_at().map_or(0, |end| (end - state.store.clock().now()).num_seconds().max(0));
        self.command_key_seconds.set(left);
        self.has_command_root.set(i64::from(keys.has_root));
        let BusTraffic { sent, lost, heard, refused, gaps } = state.store.bus_traffic();
        for (name, count) in
            [("sent", sent), ("lost", lost), ("heard", heard), ("refused", refused), ("missed", gaps)]
        {
            count_to(&self.bus, "outcome", name, count);
        }
        self.process.look();
    }

    fn stands(&self, standing: &Standing) {
        for (presence, count) in &standing.devices {
            self.devices.get_or_create(&[("presence", presence.word())]).set(whole(*count));
        }
        self.sessions.set(whole(standing.sessions));
        let busy = standing.connections_open.saturating_sub(standing.connections_idle);
        for (name, count) in
            [("busy", busy), ("idle", standing.connections_idle), ("max", standing.connections_max)]
        {
            self.connections.get_or_create(&[("state", name)]).set(i64::from(count));
        }
        for (family, (messages, bytes)) in
            [(&self.queue, standing.waiting), (&self.queue_room, standing.room)]
        {
            family.get_or_create(&[("unit", "messages")]).set(whole(messages));
            family.get_or_create(&[("unit", "bytes")]).set(whole(bytes));
        }
        self.unsealed.set(whole(standing.unsealed));
        self.database_bytes.set(whole(standing.database_bytes));
    }
}

/// Brings a counter to what somebody else has counted, which never falls.
fn count_to(family: &Counters, label: &'static str, word: &'static str, count: u64) {
    let counter = family.get_or_create(&[(label, word)]);
    counter.inc_by(count.saturating_sub(counter.get()));
}

fn whole(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// `GET /metrics`
pub(crate) async fn show(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, ApiProblem> {
    let Some(token) = &state.config.metrics_token else { return Err(no_such_address().await) };
    if !bearer(&headers).is_some_and(|shown| token.is(shown)) {
        let detail = "Send the token of the file `metrics-token` in the server's data folder as `Authorization: Bearer`.";
        return Err(Problem::new(ProblemCode::SignedOut, detail).into());
    }
    let standing = domain::telemetry::standing(&SystemCx::new(&state.store, "metrics")).await;
    // A database that does not answer is what an operator wants to be told of: all else is shown as before.
    state.telemetry.now.set(&state, standing.ok().as_ref());
    let text = state.telemetry.text().map_err(|error| domain::Error::Internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
