//! What the verbs count of their own work, and how things stand: read by whoever shows it to an operator. Nothing here
//! names a business, a person or a device.

use crate::{Letter, Mailer, Result, SystemCx, store::statement};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    command::{CommandState, Strength},
    device::DeviceState,
    presence::Presence,
    update::UpdateState,
};
use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use std::{sync::Arc, time::Duration};

/// One label and its word.
pub type Label = [(&'static str, &'static str); 1];
/// A counter for each word of one label.
pub type Counters = Family<Label, Counter>;
/// Makes the histogram of a label.
type NewHistogram = fn() -> Histogram;

/// The counters of one store. A clone counts the same things.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Samples that came in, repeats too.
    pub(crate) samples_received: Counter,
    /// Samples that were committed.
    pub(crate) samples_committed: Counter,
    /// Samples that were not taken; agents keep them.
    pub(crate) samples_refused: Counter,
    /// Samples too old or from the future, which are not kept.
    pub(crate) samples_outdated: Counter,
    /// Log entries that came in, repeats too.
    pub(crate) log_entries_received: Counter,
    /// Log entries that were committed.
    pub(crate) log_entries_committed: Counter,
    /// Log entries that were not taken; agents keep them.
    pub(crate) log_entries_refused: Counter,
    /// Things that happened to services that are looked after, each once.
    pub(crate) service_events: Counter,
    /// Sockets of agents that are open in this process.
    pub(crate) sockets: Gauge,
    /// Sign-ins by password that came to nothing.
    pub(crate) sign_ins_refused: Counter,
    frames: Family<[(&'static str, &'static str); 2], Counter>,
    /// How long a commit of samples took, in seconds.
    commit_seconds: Histogram,
    /// Messages of one commit.
    commit_batches: Histogram,
    /// How long a writing transaction waited for its turn and its connection, in seconds.
    pub(crate) write_wait_seconds: Histogram,
    alerts: Counters,
    suggestions: Counters,
    error_reports: Counters,
    /// Requests, by how strong they are.
    command_requests: Counters,
    /// Commands that came into a state.
    commands: Counters,
    /// From the order that left to the result that was committed, in seconds.
    command_seconds: Histogram,
    sign_ins: Counters,
    letters: Counters,
    /// Files of releases that were brought, by what became of them.
    artifact_uploads: Counters,
    /// Bytes of them that went out.
    artifact_bytes: Counter,
    /// Questions of devices whether an update is due, by answer.
    update_questions: Counters,
    /// Rollouts that go out.
    rollouts: Gauge,
    /// Devices that are about an update.
    updates_in_flight: Gauge,
    /// Updates that came into a state.
    updates: Counters,
    job_runs: Family<[(&'static str, &'static str); 2], Counter>,
    job_seconds: Family<Label, Histogram, NewHistogram>,
    job_succeeded_at: Family<Label, Gauge>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            samples_received: Counter::default(),
            samples_committed: Counter::default(),
            samples_refused: Counter::default(),
            samples_outdated: Counter::default(),
            log_entries_received: Counter::default(),
            log_entries_committed: Counter::default(),
            log_entries_refused: Counter::default(),
            service_events: Counter::default(),
            sockets: Gauge::default(),
            sign_ins_refused: Counter::default(),
            frames: Family::default(),
            commit_seconds: seconds(),
            commit_batches: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            write_wait_seconds: seconds(),
            alerts: Counters::default(),
            suggestions: Counters::default(),
            error_reports: Counters::default(),
            command_requests: Counters::default(),
            commands: Counters::default(),
            command_seconds: seconds(),
            sign_ins: Counters::default(),
            letters: Counters::default(),
            artifact_uploads: Counters::default(),
            artifact_bytes: Counter::default(),
            update_questions: Counters::default(),
            rollouts: Gauge::default(),
            updates_in_flight: Gauge::default(),
            updates: Counters::default(),
            job_runs: Family::default(),
            job_seconds: Family::new_with_constructor(seconds),
            job_succeeded_at: Family::default(),
        }
    }
}

/// A histogram from half a millisecond to half a minute.
#[must_use]
pub fn seconds() -> Histogram {
    Histogram::new([
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    ])
}

impl Telemetry {
    /// Shows the counters in a registry.
    pub fn register(&self, registry: &mut Registry) {
        let samples = registry.sub_registry_with_prefix("samples");
        samples.register("received", "Samples that came in, repeats too", self.samples_received.clone());
        samples.register("committed", "Samples that were committed", self.samples_committed.clone());
        samples.register(
            "refused",
            "Samples that were not taken for now or for good",
            self.samples_refused.clone(),
        );
        samples.register(
            "outdated",
            "Samples from before retention or from the future, which are not kept",
            self.samples_outdated.clone(),
        );
        self.register_reports(registry);
        registry.register("sockets", "Sockets of agents that end in this process", self.sockets.clone());
        registry.register("frames", "Messages over sockets, by direction and type", self.frames.clone());
        registry.register(
            "commit_seconds",
            "How long the commit of a batch of samples took",
            self.commit_seconds.clone(),
        );
        registry.register(
            "commit_batches",
            "Messages with samples in one commit",
            self.commit_batches.clone(),
        );
        registry.register(
            "database_write_wait_seconds",
            "How long a writing transaction waited for its turn and its connection",
            self.write_wait_seconds.clone(),
        );
        registry.register(
            "command_requests",
            "Requests for commands, by how strong they are",
            self.command_requests.clone(),
        );
        registry.register("commands", "Commands that came into a state", self.commands.clone());
        registry.register(
            "command_seconds",
            "How long it took from an order that left to its result",
            self.command_seconds.clone(),
        );
        registry.register("sign_ins", "Sessions that began, by what was shown", self.sign_ins.clone());
        registry.register(
            "sign_ins_refused",
            "Sign-ins by password that came to nothing",
            self.sign_ins_refused.clone(),
        );
        self.register_releases(registry);
        registry.register("letters", "Letters handed to the mail server, by outcome", self.letters.clone());
        registry.register("job_runs", "Runs of jobs, by outcome", self.job_runs.clone());
        registry.register("job_seconds", "How long a run of a job took", self.job_seconds.clone());
        registry.register(
            "job_last_success_timestamp_seconds",
            "When a job last succeeded",
            self.job_succeeded_at.clone(),
        );
    }

    /// Shows the counters of what devices tell of what goes wrong.
    fn register_reports(&self, registry: &mut Registry) {
        let entries = registry.sub_registry_with_prefix("log_entries");
        entries.register(
            "received",
            "Log entries that came in, repeats too",
            self.log_entries_received.clone(),
        );
        entries.register("committed", "Log entries that were committed", self.log_entries_committed.clone());
        entries.register(
            "refused",
            "Log entries that were not taken for now",
            self.log_entries_refused.clone(),
        );
        registry.register("alerts", "Alerts that began or ended, by which", self.alerts.clone());
        registry.register(
            "suggestions",
            "Commands that alerts proposed, and what became of them",
            self.suggestions.clone(),
        );
        registry.register(
            "error_reports",
            "Error reports of agents, by what became of them",
            self.error_reports.clone(),
        );
        registry.register(
            "service_events",
            "Things that happened to services that are looked after",
            self.service_events.clone(),
        );
    }

    /// Shows the counters of releases and of those who ask for them.
    fn register_releases(&self, registry: &mut Registry) {
        registry.register(
            "artifact_uploads",
            "Files of releases that were brought, by what became of them",
            self.artifact_uploads.clone(),
        );
        registry.register(
            "artifact_sent_bytes",
            "Bytes of files of releases that went out",
            self.artifact_bytes.clone(),
        );
        registry.register(
            "update_questions",
            "Questions of devices whether an update is due, by answer",
            self.update_questions.clone(),
        );
        registry.register("rollouts_running", "Rollouts that go out", self.rollouts.clone());
        registry.register(
            "updates_in_flight",
            "Devices that are about an update",
            self.updates_in_flight.clone(),
        );
        registry.register("updates", "Updates that came into a state", self.updates.clone());
    }

    /// Counts a file of a release that was brought.
    pub(crate) fn artifact_uploaded(&self, outcome: &'static str) {
        self.artifact_uploads.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Counts bytes of files of releases that went out.
    pub fn artifact_sent(&self, bytes: u64) {
        self.artifact_bytes.inc_by(bytes);
    }

    /// Counts a question whether an update is due.
    pub(crate) fn update_asked(&self, answer: &'static str) {
        self.update_questions.get_or_create(&[("answer", answer)]).inc();
    }

    /// Says how many rollouts go out and how many devices are about one.
    pub(crate) fn rollouts(&self, running: usize, in_flight: u64) {
        self.rollouts.set(i64::try_from(running).unwrap_or(i64::MAX));
        self.updates_in_flight.set(i64::try_from(in_flight).unwrap_or(i64::MAX));
    }

    /// Counts an update that came into a state.
    pub(crate) fn update(&self, state: UpdateState) {
        self.updates.get_or_create(&[("state", state.word())]).inc();
    }

    /// Counts alerts that began or ended.
    pub(crate) fn alerts(&self, change: &'static str, count: u64) {
        self.alerts.get_or_create(&[("change", change)]).inc_by(count);
    }

    /// Counts suggestions that were made, or came into a state.
    pub(crate) fn suggestions(&self, change: &'static str, count: u64) {
        if count > 0 {
            self.suggestions.get_or_create(&[("change", change)]).inc_by(count);
        }
    }

    /// Counts a report that was taken, came again or was refused.
    pub(crate) fn error_report(&self, outcome: &'static str) {
        self.error_reports.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Counts a run of a job.
    pub fn job(&self, name: &'static str, took: Duration, is_good: bool, now: DateTime<Utc>) {
        self.job_runs.get_or_create(&[("job", name), ("outcome", outcome(is_good))]).inc();
        self.job_seconds.get_or_create(&[("job", name)]).observe(took.as_secs_f64());
        if is_good {
            self.job_succeeded_at.get_or_create(&[("job", name)]).set(now.timestamp());
        }
    }

    /// Counts a request.
    pub(crate) fn command_requested(&self, strength: Strength) {
        self.command_requests.get_or_create(&[("strength", strength.word())]).inc();
    }

    /// Counts a command that came into a state.
    pub(crate) fn command(&self, state: CommandState) {
        self.commands.get_or_create(&[("state", state.word())]).inc();
    }

    /// Notes how long it took from an order to its result.
    pub(crate) fn command_took(&self, took: chrono::TimeDelta) {
        self.command_seconds.observe(took.as_seconds_f64().max(0.0));
    }

    /// Counts a session that began.
    pub(crate) fn sign_in(&self, with: &'static str) {
        self.sign_ins.get_or_create(&[("with", with)]).inc();
    }

    /// Counts a message of a socket.
    pub(crate) fn frame(&self, direction: &'static str, kind: &'static str) {
        self.frames.get_or_create(&[("direction", direction), ("type", kind)]).inc();
    }

    /// Counts a commit of the messages of some devices.
    pub(crate) fn commit(&self, batches: usize, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
        self.commit_batches.observe(f64::from(u32::try_from(batches).unwrap_or(u32::MAX)));
    }

    /// The same mailer, with its letters counted.
    pub(crate) fn counting(&self, mailer: Arc<dyn Mailer>) -> Arc<dyn Mailer> {
        Arc::new(Counting { mailer, letters: self.letters.clone() })
    }
}

/// A mailer whose letters are counted.
struct Counting {
    mailer: Arc<dyn Mailer>,
    letters: Counters,
}

#[async_trait]
impl Mailer for Counting {
    async fn send(&self, letter: Letter) -> Result<()> {
        let sent = self.mailer.send(letter).await;
        self.letters.get_or_create(&[("outcome", outcome(sent.is_ok()))]).inc();
        sent
    }
}

const fn outcome(is_good: bool) -> &'static str {
    if is_good { "good" } else { "bad" }
}

/// How things stand at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Devices that may talk to the server, by presence.
    pub devices: Vec<(Presence, u64)>,
    /// Sessions of people that have not ended.
    pub sessions: u64,
    /// Connections to the database that are open.
    pub connections_open: u32,
    /// Those of them that nobody uses.
    pub connections_idle: u32,
    /// The most that may be open.
    pub connections_max: u32,
    /// Messages with samples that wait for their commit, and their bytes.
    pub waiting: (usize, usize),
    /// How many of each may wait.
    pub room: (usize, usize),
    /// Batches of samples that are not sealed yet; counted to [`UNSEALED_MAX`].
    pub unsealed: u64,
    /// Size of the database.
    pub database_bytes: u64,
}

/// Batches that wait to be sealed are counted no further: it is a question to the database each time.
pub const UNSEALED_MAX: u32 = 100_000;

/// Looks how things stand.
///
/// # Errors
/// When the database fails.
pub async fn standing(cx: &SystemCx) -> Result<Standing> {
    let store = cx.store();
    let db = store.db();
    let backend = db.get_database_backend();
    let count = async |sql: &str, values: Vec<sea_orm::Value>| -> Result<u64> {
        let row = db.query_one_raw(statement(backend, sql, values)).await?;
        let count = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.unwrap_or_default();
        Ok(count.unsigned_abs())
    };
    let mut devices = Vec::new();
    for presence in Presence::ALL {
        let sql = "SELECT COUNT(*) FROM agent_devices WHERE state = ? AND presence = ?";
        let values = vec![DeviceState::Active.word().into(), presence.word().into()];
        devices.push((*presence, count(sql, values).await?));
    }
    let sql = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL AND expires_at > ?";
    let sessions = count(sql, vec![store.now().into()]).await?;
    let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM metric_batches LIMIT ?) some";
    let unsealed = count(sql, vec![i64::from(UNSEALED_MAX).into()]).await?;
    let sql = if backend == DatabaseBackend::Sqlite {
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    } else {
        "SELECT pg_database_size(current_database())"
    };
    let database_bytes = count(sql, vec![]).await?;
    let [entries, bytes, entries_max, bytes_max] = store.writer().waiting();
    let connection = db.connection();
    let (open, idle, max) = if backend == DatabaseBackend::Sqlite {
        let pool = connection.get_sqlite_connection_pool();
        (pool.size(), pool.num_idle(), pool.options().get_max_connections())
    } else {
        let pool = connection.get_postgres_connection_pool();
        (pool.size(), pool.num_idle(), pool.options().get_max_connections())
    };
    Ok(Standing {
        devices,
        sessions,
        connections_open: open,
        connections_idle: u32::try_from(idle).unwrap_or(u32::MAX),
        connections_max: max,
        waiting: (entries, bytes),
        room: (entries_max, bytes_max),
        unsealed,
        database_bytes,
    })
}
