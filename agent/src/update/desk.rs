//! What the agent does for its supervisor: hears it, has the server asked, files fetched and everything put away, and
//! says what came of it.

use super::{
    Updates,
    ask::Plan,
    channel::Out,
    download::{self, NotFetched, Patience, Wanted},
    failure, notice,
    pin::{self, Given},
    receipt::Receipts,
    server::{self, Answer, Server},
    step,
    task::Vital,
};
use crate::{
    chance,
    command::Commands,
    error_report,
    event::Events,
    http::{self, ApiError},
    log, machine,
    paths::Paths,
    phase::Phase,
    timing::Timing,
    token::{DeviceApi, DeviceError},
};
use chrono::Utc;
use entity::{
    agent_state::AgentState,
    id::UpdateId,
    release::{Reason, Sha256Hex},
    update::{Running, UpdateQuestion, UpdateState, UpdateStatus},
    wire::Event,
};
use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::{Mutex, Notify},
    task::{AbortHandle, JoinSet},
    time::{Instant, timeout},
};
use updater::channel::{Beat, ToAgent, ToSupervisor};

/// What is under way has so long to come to its end before the agent may be ended.
const QUIET_WITHIN: Duration = Duration::from_secs(25);
/// A server's wait is believed up to this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(86_400);
/// By this word the supervisor says that it has been kept from the server's word about releases; also what the event is
/// called.
const FROZEN: &str = "update_frozen";

/// Something that was done beside.
pub(super) enum Done {
    Asked(Result<Answer, DeviceError>),
    Receipt(Result<String, DeviceError>),
    Fetched(Sha256Hex, Result<(), NotFetched>),
    Go(UpdateId, Option<bool>),
    Quiet,
}

/// What lasts from one step to the next.
pub(super) struct Desk {
    out: Out,
    server: Server,
    pub(super) jobs: JoinSet<Done>,
    fetching: Option<AbortHandle>,
    is_asking: bool,
    is_welcome: bool,
    /// The last answer to a question about updates was that the server has no time.
    is_server_busy: bool,
    pub(super) plan: Plan,
    pub(super) receipts: Receipts,
    staging: PathBuf,
    /// The version that was offered last.
    offered: Option<String>,
    last: Option<UpdateStatus>,
    /// The roots that the supervisor was given and has not answered; those of an administrator with what they gave.
    roots: VecDeque<Option<Given>>,
}

/// What the desk works with and does not change.
pub(super) struct Hands {
    pub(super) paths: Paths,
    pub(super) phase: Phase,
    pub(super) updates: Updates,
    pub(super) commands: Commands,
    pub(super) vital: Vital,
    pub(super) events: Events,
    pub(super) work: Arc<Notify>,
    pub(super) shows_notices: bool,
}

impl Desk {
    pub(super) fn new(
        hands: &Hands,
        out: Out,
        device: DeviceApi,
        timing: &Timing,
        interval: Duration,
    ) -> Self {
        Self {
            out,
            server: Arc::new(Mutex::new(device)),
            jobs: JoinSet::new(),
            fetching: None,
            is_asking: false,
            is_welcome: false,
            is_server_busy: false,
            plan: Plan::new(Instant::now(), timing.update_first, interval, chance::fresh()),
            receipts: Receipts::default(),
            staging: hands.paths.updates().join("staging"),
            offered: None,
            last: None,
            roots: VecDeque::new(),
        }
    }

    pub(super) fn hear(&mut self, hands: &Hands, message: ToAgent) {
        match message {
            ToAgent::Welcome { running, nonce, receipt_every_seconds, staging, .. } => {
                self.is_welcome = true;
                self.staging = PathBuf::from(staging);
                self.receipts.answer(nonce);
                self.receipts.want(Instant::now(), receipt_every_seconds);
                hands.updates.set(|live| live.running = running);
                if let Some(root) = pin::find(&hands.paths) {
                    self.out.say(&ToSupervisor::Root { root, replace: false });
                    self.roots.push_back(None);
                }
                self.beat(hands);
            }
            ToAgent::Question { nonce, highest_seq, root_version, is_updating } => {
                hands.updates.set(|live| {
                    (live.highest_seq, live.root_version) = (Some(highest_seq), Some(root_version));
                });
                if is_updating {
                    // What is due then is asked for when that has come to its end.
                    self.plan.failed(Instant::now(), None, chance::fresh());
                } else {
                    self.ask_server(hands, nonce, highest_seq, root_version);
                }
            }
            ToAgent::Fetch { sha256, size_bytes } => self.fetch(hands, Wanted { sha256, size_bytes }),
            ToAgent::AskGo { update_id } => self.ask_go(hands, update_id),
            ToAgent::Quiesce => self.quiesce(hands),
            ToAgent::Receipts { every_seconds } => self.receipts.want(Instant::now(), every_seconds),
            ToAgent::Status(status) => self.take_status(hands, *status),
            ToAgent::Failed { reason, detail, version } => self.take_failure(hands, reason, detail, &version),
            ToAgent::RootTaken { version, refused } => self.root_taken(hands, version, refused),
            ToAgent::Unknown => tracing::debug!("the supervisor says something of a later build"),
        }
    }

    pub(super) fn done(&mut self, hands: &Hands, done: Done) {
        let now = Instant::now();
        match &done {
            Done::Asked(Ok(_)) | Done::Receipt(Ok(_)) => self.is_server_busy = false,
            Done::Asked(Err(DeviceError::Api(error))) | Done::Receipt(Err(DeviceError::Api(error))) => {
                self.is_server_busy = error.means_busy();
            }
            _ => {}
        }
        match done {
            Done::Asked(answer) => self.answered(hands, answer),
            Done::Receipt(Ok(receipt)) => {
                self.receipts.came(now, None);
                self.out.say(&ToSupervisor::Receipt { receipt });
            }
            Done::Receipt(Err(error)) => {
                tracing::debug!(%error, "the server gave no receipt");
                self.receipts.came(now, retry_after(&error));
            }
            Done::Fetched(sha256, Ok(())) => {
                tracing::info!(sha256 = sha256.as_str(), "the new version is downloaded");
                step::advance(&hands.phase, AgentState::UpdatingVerifying, &self.target());
                self.out.say(&ToSupervisor::Fetched { sha256 });
            }
            Done::Fetched(sha256, Err(NotFetched { reason, detail })) => {
                tracing::warn!(reason = reason.word(), detail, "a new version could not be fetched");
                // The report comes with the supervisor's own word about it.
                self.out.say(&ToSupervisor::NotFetched { sha256, reason, detail });
            }
            Done::Go(update_id, go) => self.out.say(&ToSupervisor::Go { update_id, go }),
            Done::Quiet => self.out.say(&ToSupervisor::Quiesced),
        }
    }

    /// A sign of life, and what is looked at now and then.
    pub(super) fn beat(&mut self, hands: &Hands) {
        let (samples, logs) = (hands.vital.spool.tally(), hands.vital.logs.spool.tally());
        let silent =
            [("metrics", samples.taken() > 0), ("facts", hands.vital.has_facts.load(Ordering::Relaxed))];
        self.out.say(&ToSupervisor::Beat(Beat {
            samples: samples.taken(),
            batches_acked: samples.acknowledged() + logs.acknowledged(),
            is_spool_good: !samples.has_trouble() && !logs.has_trouble(),
            silent_collectors: silent
                .into_iter()
                .filter(|(_, has_given)| !has_given)
                .map(|(name, _)| name.to_owned())
                .collect(),
            is_server_busy: self.is_server_busy || http::is_socket_busy(),
        }));
        hands.updates.look_at_socket(std::time::Instant::now());
        if hands.phase.now().state == AgentState::Idle && self.plan.take_overdue() {
            self.ask(hands);
        }
        if self.is_welcome
            && !self.roots.iter().any(Option::is_some)
            && let Some(given) = pin::given(&hands.paths)
        {
            tracing::warn!(replace = given.replace, "an administrator gives a root of release trust");
            self.out.say(&ToSupervisor::Root { root: given.root.clone(), replace: given.replace });
            self.roots.push_back(Some(given));
        }
    }

    /// A question is due: the supervisor says what to ask.
    pub(super) fn ask(&mut self, hands: &Hands) {
        let (now, state) = (Instant::now(), hands.phase.now().state);
        if state != AgentState::Idle || self.is_asking || !self.is_welcome {
            if self.plan.wait_for_idle(now) {
                tracing::info!(
                    state = state.word(),
                    "a newer version may be due: looked at when the agent is idle"
                );
            }
            return;
        }
        self.plan.begun(now);
        self.out.say(&ToSupervisor::Ask);
    }

    fn ask_server(&mut self, hands: &Hands, nonce: String, highest_seq: u64, root_version: u64) {
        if std::mem::replace(&mut self.is_asking, true) {
            return;
        }
        let Running { version, seq, libc, .. } = hands.updates.running();
        let server = Arc::clone(&self.server);
        self.jobs.spawn(async move {
            let question = UpdateQuestion {
                agent_id: Some(server.lock().await.device()),
                version,
                os: machine::OS,
                arch: machine::ARCH,
                libc,
                seq,
                highest_seq,
                root_version,
                nonce: Some(nonce),
            };
            Done::Asked(server::ask(&server, question).await)
        });
    }

    fn answered(&mut self, hands: &Hands, answer: Result<Answer, DeviceError>) {
        self.is_asking = false;
        let now = Instant::now();
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                tracing::info!(%error, "the server did not say whether a newer version is due");
                return self.plan.failed(now, retry_after(&error), chance::fresh());
            }
        };
        self.plan.answered(now, chance::fresh());
        hands.updates.set(|live| live.asked_at = Some(Utc::now()));
        match answer {
            Answer::Fresh(trust) => {
                tracing::info!("No update found via polling.");
                self.out.say(&ToSupervisor::Fresh { trust });
            }
            Answer::Offer(answer) => {
                tracing::info!(version = answer.new_version, seq = answer.seq, "Update found via polling.");
                if hands.phase.update(&answer.new_version).is_err() {
                    self.plan.wait_for_idle(now);
                    return;
                }
                tracing::info!("Update process started for version {}", answer.new_version);
                self.offered = Some(answer.new_version.clone());
                self.out.say(&ToSupervisor::Offer { answer });
            }
        }
    }

    pub(super) fn ask_receipt(&mut self, hands: &Hands) {
        self.receipts.asked();
        let (server, nonce) = (Arc::clone(&self.server), self.receipts.nonce().to_owned());
        let running = hands.updates.running();
        self.jobs.spawn(async move { Done::Receipt(server::receipt(&server, &nonce, running).await) });
    }

    /// What the update under way leads to; an agent that was started during it knows less of that.
    fn target(&self) -> String {
        let of_status = || self.last.as_ref().map(|status| format!("release {}", status.seq));
        self.offered.clone().or_else(of_status).unwrap_or_else(|| "unknown".to_owned())
    }

    fn fetch(&mut self, hands: &Hands, wanted: Wanted) {
        if let Some(before) = self.fetching.take() {
            before.abort();
        }
        if !step::advance(&hands.phase, AgentState::UpdatingDownloading, &self.target()) {
            let detail = format!("the agent is {}", hands.phase.now().state.word());
            let (sha256, reason) = (wanted.sha256, Reason::DownloadFailed);
            return self.out.say(&ToSupervisor::NotFetched { sha256, reason, detail });
        }
        let (server, staging, out) = (Arc::clone(&self.server), self.staging.clone(), self.out.clone());
        let job = async move {
            let done = download::fetch(&server, &staging, &wanted, &Patience::USUAL, &out).await;
            Done::Fetched(wanted.sha256, done)
        };
        self.fetching = Some(self.jobs.spawn(job));
    }

    fn ask_go(&mut self, hands: &Hands, update_id: UpdateId) {
        step::advance(&hands.phase, AgentState::UpdatingPreparingShutdown, &self.target());
        let server = Arc::clone(&self.server);
        self.jobs.spawn(async move {
            let go = match server::go(&server, update_id).await {
                Ok(answer) => {
                    if !answer.go {
                        tracing::warn!(reason = answer.reason, "the server does not let the update go on");
                    }
                    Some(answer.go)
                }
                Err(error) => {
                    tracing::warn!(%error, "the server did not say whether the update may go on");
                    is_no(&error).then_some(false)
                }
            };
            Done::Go(update_id, go)
        });
    }

    /// The server has stored what was said of updates.
    pub(super) fn stored(&self, hands: &Hands) {
        for ack in hands.updates.take_stored() {
            self.out.say(&ToSupervisor::StatusStored { update_id: ack.update_id, step: ack.step });
        }
    }

    /// Somebody wants the server to be asked.
    pub(super) fn wish(&mut self, hands: &Hands) {
        let within = hands.updates.take_wish().unwrap_or_default();
        self.plan.hint(Instant::now(), within, chance::fresh());
    }

    /// Puts everything away. What people asked for and has begun comes to its end when that takes no longer than it may;
    /// what has not begun waits on the disk for the next version.
    fn quiesce(&mut self, hands: &Hands) {
        step::advance(&hands.phase, AgentState::UpdatingPreparingShutdown, &self.target());
        tracing::info!("Preparing to launch updater and shut down.");
        if hands.shows_notices {
            notice::show();
        }
        let (commands, vital) = (hands.commands.clone(), hands.vital.clone());
        commands.hold();
        self.jobs.spawn(async move {
            if timeout(QUIET_WITHIN, commands.quiet()).await.is_err() {
                tracing::warn!("a command is still under way: it will be found interrupted");
            }
            vital.spool.flush().await;
            vital.logs.spool.flush().await;
            error_report::flush();
            log::flush();
            Done::Quiet
        });
    }

    /// It goes on as before.
    fn give_up(&mut self, hands: &Hands) {
        if let Some(fetching) = self.fetching.take() {
            fetching.abort();
        }
        self.offered = None;
        hands.commands.release();
        step::give_up(&hands.phase);
    }

    fn take_status(&mut self, hands: &Hands, status: UpdateStatus) {
        if matches!(status.state, UpdateState::FailedPre | UpdateState::RolledBack) {
            self.give_up(hands);
        }
        self.last = Some(status.clone());
        hands.updates.put(status);
    }

    fn take_failure(&mut self, hands: &Hands, reason: Reason, detail: String, version: &str) {
        failure::note(reason, &detail, version, self.last.as_ref());
        if detail.starts_with(FROZEN) {
            hands.events.add(Event::plain(Utc::now(), FROZEN, detail.as_str()));
            hands.work.notify_one();
        }
        hands.updates.set(|live| live.failure = Some((reason, detail)));
        // What is about no version ends no update.
        if !version.is_empty() {
            self.give_up(hands);
        }
    }

    fn root_taken(&mut self, hands: &Hands, version: u64, refused: Option<Reason>) {
        hands.updates.set(|live| live.root_version = Some(version));
        match refused {
            None => tracing::info!(version, "the supervisor trusts a root"),
            Some(reason) => tracing::error!(
                version,
                reason = reason.word(),
                "the supervisor does not take the root that it was given: {}",
                reason.label()
            ),
        }
        if let Some(Some(given)) = self.roots.pop_front() {
            pin::settle(&hands.paths, &given, refused.is_none());
        }
    }
}

/// Does the server itself say that there is no such update, or no such device?
const fn is_no(error: &DeviceError) -> bool {
    match error {
        DeviceError::Revoked(_) => true,
        DeviceError::Api(ApiError::Refused { status, problem, .. }) => {
            problem.is_some() && matches!(status, 403 | 404 | 409 | 410)
        }
        DeviceError::Api(_) => false,
    }
}

fn retry_after(error: &DeviceError) -> Option<Duration> {
    let DeviceError::Api(error) = error else { return None };
    let seconds = error.retry_after_seconds()?;
    Some(Duration::from_secs(u64::from(seconds)).min(RETRY_AFTER_MAX))
}
