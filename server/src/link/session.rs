//! One connected agent, in one task: read, decode, call one verb, encode.

mod commands;
mod frame;
mod recheck;
mod settings;
mod spooled;
mod updates;

use super::{
    Registry,
    ack::{Gates, Span},
    registry::Seat,
};
use crate::{
    budget::{self, Budget, Hold, Payer},
    limit::{self, Limiter},
};
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use domain::{AgentCx, LinkId};
use entity::{
    command::CommandReceipt,
    input::clip,
    presence::{DisconnectReason, LinkKind},
    problem::{Problem, ProblemCode},
    wire::{Hello, ToAgent, ToServer, limits::SOCKET_SILENCE_SECONDS},
};
use frame::{left, read};
use futures::{StreamExt, future::BoxFuture, stream::FuturesOrdered};
use std::{ops::ControlFlow, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until, timeout};

/// An agent says hello at once or not at all.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// A message that the network does not take within this time is lost, and the link with it.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// Samples that were handed on are waited for so long before a goodbye.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);
/// A socket that has been silent for so long is dead.
const SILENCE: Duration = Duration::from_secs(SOCKET_SILENCE_SECONDS);
/// A socket that has been silent for so long is asked whether it is alive.
const PING_AFTER: Duration = Duration::from_secs(SOCKET_SILENCE_SECONDS / 2);
/// Messages with samples that may wait for their commit at once; beyond it the socket is not read.
const IN_FLIGHT_MAX: usize = 4;
/// Agents come back within this many seconds after the server stopped or they were moved, each at its own moment.
const RETURN_WITHIN_SECONDS: u32 = 8;
/// Seconds until an agent may send again what the server failed to store for reasons of its own.
const RETRY_AFTER_SECONDS: u32 = 5;
/// Seconds until a device may knock again whose access was ended.
const ENDED_FOR_SECONDS: u32 = 30;
/// Longest detail of an `unsupported`, in characters.
const DETAIL_MAX: usize = 300;

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The agent closed the socket.
    Closed(DisconnectReason),
    /// The socket broke, fell silent or took nothing more.
    Lost,
    /// The agent broke the rules of the socket.
    Refused(u16),
    /// The server ends it and says why.
    Goodbye(DisconnectReason),
    /// The device has opened another socket.
    Replaced,
}

impl End {
    const fn reason(self) -> DisconnectReason {
        match self {
            Self::Closed(reason) | Self::Goodbye(reason) => reason,
            Self::Lost | Self::Refused(_) | Self::Replaced => DisconnectReason::ConnectionLost,
        }
    }
}

/// Serves one socket until it ends.
pub(super) async fn run(
    socket: WebSocket,
    agent: AgentCx,
    registry: Arc<Registry>,
    limiter: Arc<Limiter>,
    budget: Arc<Budget>,
) {
    let device = agent.device_id();
    let Some(seat) = registry.sit(device) else { return };
    let mut session = Session::new(socket, agent, seat, limiter, budget);
    let end = match session.greet().await {
        ControlFlow::Break(end) => end,
        ControlFlow::Continue(()) => {
            let connected = Connected::new(session.agent.clone());
            let end = session.serve().await;
            // What was heard before the end counts.
            let _ = timeout(SETTLE_WITHIN, Box::pin(session.note_receipts())).await;
            if matches!(end, End::Goodbye(_)) {
                session.settle_all().await;
            }
            connected.ended(end.reason());
            end
        }
    };
    tracing::debug!(device.id = %device, ?end, "a socket ended");
    session.part(end).await;
}

/// Tells the domain that the device is connected; and, even if the session panics, that it no longer is.
struct Connected {
    agent: AgentCx,
    link: LinkId,
    reason: DisconnectReason,
}

impl Connected {
    fn new(agent: AgentCx) -> Self {
        let link = domain::report::connected(&agent, LinkKind::Socket);
        Self { agent, link, reason: DisconnectReason::ConnectionLost }
    }

    fn ended(mut self, reason: DisconnectReason) {
        self.reason = reason;
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        domain::report::disconnected(&self.agent, self.link, self.reason);
    }
}

/// What a session turns to next.
enum Turn {
    /// Samples or log entries were committed, or not.
    Settle(Span, domain::Result<()>),
    /// A frame came, or the socket ended.
    Hear(Option<Result<Message, axum::Error>>),
    /// Nothing came for a while.
    Silence,
    /// Receipts have waited long enough.
    Receipts,
    /// It is time to ask whether the device may still talk, or something woke the session.
    Recheck,
}

type Append = BoxFuture<'static, (Span, domain::Result<()>)>;

struct Session {
    socket: WebSocket,
    agent: AgentCx,
    seat: Seat,
    appends: FuturesOrdered<Append>,
    gates: Gates,
    heard_at: Instant,
    pings: u64,
    limiter: Arc<Limiter>,
    budget: Arc<Budget>,
    /// Nothing is read before: the device sent more than its share.
    reads_from: Instant,
    recheck_at: Instant,
    settings: settings::Sent,
    /// The agent knows what a command is.
    takes_commands: bool,
    /// The agent knows what an update is.
    takes_updates: bool,
    /// The last emergency stop, or end of one, that it was told of.
    stop_seq: u64,
    /// What came of commands a moment ago and is not written down yet, and when it has to be.
    receipts: Vec<CommandReceipt>,
    receipts_due: Instant,
}

impl Session {
    fn new(
        socket: WebSocket,
        agent: AgentCx,
        seat: Seat,
        limiter: Arc<Limiter>,
        budget: Arc<Budget>,
    ) -> Self {
        let recheck_at = Instant::now() + recheck::first(agent.device_id());
        Self {
            socket,
            agent,
            seat,
            appends: FuturesOrdered::new(),
            gates: Gates::default(),
            heard_at: Instant::now(),
            pings: 0,
            limiter,
            budget,
            reads_from: Instant::now(),
            recheck_at,
            settings: settings::Sent::default(),
            takes_commands: false,
            takes_updates: false,
            stop_seq: 0,
            receipts: Vec::new(),
            receipts_due: Instant::now(),
        }
    }

    /// Waits for the hello and answers it.
    async fn greet(&mut self) -> ControlFlow<End> {
        let deadline = Instant::now() + HELLO_WITHIN;
        let message = loop {
            let frame = tokio::select! {
                leave = &mut self.seat.leave => return ControlFlow::Break(left(leave.ok())),
                () = sleep_until(deadline) => return ControlFlow::Break(End::Refused(close_code::POLICY)),
                frame = self.socket.recv() => read(frame)?,
            };
            if let Some(message) = frame {
                break message;
            }
        };
        match message {
            Ok(ToServer::Hello(hello)) => self.hello(&hello).await,
            Ok(_) | Err(_) => {
                self.unsupported("the first message has to be a hello".to_owned()).await?;
                ControlFlow::Break(End::Refused(close_code::POLICY))
            }
        }
    }

    async fn hello(&mut self, hello: &Hello) -> ControlFlow<End> {
        match Box::pin(domain::report::hello(&self.agent, hello, LinkKind::Socket)).await {
            Ok(welcome) => {
                self.settings.note(&welcome.settings);
                let protocol = welcome.protocol;
                self.send(&ToAgent::Welcome(welcome)).await?;
                Box::pin(self.arrive(hello, protocol)).await
            }
            Err(error) => {
                self.refuse(error.problem()).await?;
                ControlFlow::Break(End::Refused(close_code::AGAIN))
            }
        }
    }

    /// Reads and answers until something ends the session.
    async fn serve(&mut self) -> End {
        loop {
            let patience = self.patience();
            let waits = self.reads_from > Instant::now();
            let may_read = self.appends.len() < IN_FLIGHT_MAX && !waits;
            let turn = tokio::select! {
                leave = &mut self.seat.leave => return left(leave.ok()),
                Some((span, outcome)) = self.appends.next() => Turn::Settle(span, outcome),
                frame = self.socket.recv(), if may_read => Turn::Hear(frame),
                () = sleep_until(self.reads_from), if waits => continue,
                () = sleep_until(patience) => Turn::Silence,
                () = sleep_until(self.receipts_due), if !self.receipts.is_empty() => Turn::Receipts,
                () = sleep_until(self.recheck_at) => Turn::Recheck,
                () = self.seat.look.notified() => Turn::Recheck,
            };
            let step = match turn {
                // Boxed: a session waits for days, and each of these takes a moment.
                Turn::Settle(span, outcome) => Box::pin(self.settle(span, outcome)).await,
                Turn::Hear(frame) => Box::pin(self.heard(frame)).await,
                Turn::Silence => Box::pin(self.silent()).await,
                Turn::Receipts => Box::pin(self.note_receipts()).await,
                Turn::Recheck => match Box::pin(self.recheck()).await {
                    ControlFlow::Continue(()) => Box::pin(self.renew()).await,
                    end @ ControlFlow::Break(_) => end,
                },
            };
            if let ControlFlow::Break(end) = step {
                return end;
            }
        }
    }

    /// When silence has to be looked at next.
    fn patience(&self) -> Instant {
        let asked = self.pings > 0;
        self.heard_at + if asked { SILENCE } else { PING_AFTER }
    }

    async fn silent(&mut self) -> ControlFlow<End> {
        if self.heard_at.elapsed() >= SILENCE {
            return ControlFlow::Break(End::Lost);
        }
        self.pings += 1;
        self.send(&ToAgent::Ping { nonce: self.pings }).await
    }

    async fn heard(&mut self, frame: Option<Result<Message, axum::Error>>) -> ControlFlow<End> {
        self.heard_at = Instant::now();
        self.pings = 0;
        let admitted = self.admit(frame.as_ref());
        let message = read(frame)?;
        if let Some(message) = &message {
            let word = message.as_ref().map_or("unreadable", ToServer::word);
            domain::report::frame(&self.agent, "in", word);
        }
        match (admitted, message) {
            (_, None) => ControlFlow::Continue(()),
            (Ok(hold), Some(Ok(message))) => self.answer(message, hold).await,
            (Ok(_), Some(Err(detail))) => self.unsupported(detail).await,
            (Err(problem), Some(Ok(message))) => self.hold_back(&message, problem).await,
            // Nonsense beyond the device's share is not even answered.
            (Err(_), Some(Err(_))) => ControlFlow::Continue(()),
        }
    }

    /// Takes a frame, of whatever kind, from the device's share, and its bytes from the budget; else says why not, and
    /// reads nothing more until there is room again.
    fn admit(&mut self, frame: Option<&Result<Message, axum::Error>>) -> Result<Hold, Problem> {
        let (device, business) = (self.agent.device_id(), self.agent.business_id());
        let bytes = match frame {
            Some(Ok(Message::Text(text))) => text.len(),
            _ => 0,
        };
        let refused = match self.limiter.message(device, business) {
            Err(wait) => limit::too_many(wait),
            Ok(()) => match self.budget.take(Payer::Business(business), bytes) {
                Some(hold) => return Ok(hold),
                None => budget::no_room(),
            },
        };
        let wait = Duration::from_secs(u64::from(refused.retry_after_seconds.unwrap_or(1)));
        self.reads_from = Instant::now() + wait.min(SEND_WITHIN);
        Err(refused)
    }

    /// Does what a message asks for. `hold` is its room in memory, until what it brought is committed.
    async fn answer(&mut self, message: ToServer, hold: Hold) -> ControlFlow<End> {
        let agent = &self.agent;
        domain::report::seen(agent, LinkKind::Socket);
        let outcome = match message {
            ToServer::Heartbeat(heartbeat) => {
                if let Some(state) = heartbeat.agent_state {
                    domain::report::agent_state(agent, state);
                }
                Ok(())
            }
            ToServer::Pong { .. } => Ok(()),
            ToServer::Metrics(metrics) => {
                self.append(metrics, hold);
                Ok(())
            }
            ToServer::MonitoredServices(report) => {
                Box::pin(domain::monitored_service::report(agent, report)).await
            }
            ToServer::DeviceLock(lock) => Box::pin(domain::report::device_lock(agent, lock)).await,
            ToServer::Logs(logs) => {
                self.append_logs(logs, hold);
                Ok(())
            }
            // Boxed: a session lives for days, a report for milliseconds.
            ToServer::Services(services) => Box::pin(domain::report::services(agent, services)).await,
            ToServer::Software(software) => Box::pin(domain::report::software(agent, software)).await,
            ToServer::Facts(facts) => Box::pin(domain::report::facts(agent, facts)).await,
            ToServer::Event(event) => {
                let id = event.id;
                match (Box::pin(domain::report::event(agent, event)).await, id) {
                    (Ok(()), Some(id)) => return self.send(&ToAgent::EventAck { id }).await,
                    (outcome, _) => outcome,
                }
            }
            ToServer::CommandReceipt(receipt) => return self.receipt(receipt).await,
            ToServer::CommandProgress(progress) => return Box::pin(self.progress(progress)).await,
            ToServer::CommandResult(result) => return Box::pin(self.result(result)).await,
            ToServer::Chain(chain) => return Box::pin(self.chain(chain)).await,
            ToServer::UpdateStatus(status) => return Box::pin(self.update_status(*status)).await,
            ToServer::Hello(_) => return self.unsupported("a second hello".to_owned()).await,
            ToServer::Unknown => {
                return self
                    .unsupported("a message of a type that this server does not know".to_owned())
                    .await;
            }
        };
        match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => self.refuse(error.problem()).await,
        }
    }

    /// Answers a message beyond the device's share.
    async fn hold_back(&mut self, message: &ToServer, problem: Problem) -> ControlFlow<End> {
        domain::report::seen(&self.agent, LinkKind::Socket);
        let span = match message {
            ToServer::Metrics(metrics) => Span::of(metrics),
            ToServer::Logs(logs) => Span::of_logs(logs),
            _ => return self.refuse(problem).await,
        };
        // In its turn: what came later must not be acknowledged over it.
        self.appends.push_back(Box::pin(std::future::ready((span, Err(problem.into())))));
        ControlFlow::Continue(())
    }

    async fn settle(&mut self, span: Span, outcome: domain::Result<()>) -> ControlFlow<End> {
        let may_ack = self.gates.settle(span, outcome.is_ok());
        match outcome {
            Ok(()) if may_ack => self.send(&span.ack()).await,
            Ok(()) if self.gates.is_stuck(span.stream) => ControlFlow::Break(End::Refused(close_code::AGAIN)),
            // Committed, but not what came before: the agent sends both again, which repeats nothing.
            Ok(()) => self.send(&ToAgent::Busy { retry_after_seconds: 1 }).await,
            Err(error) => self.refuse(error.problem()).await,
        }
    }

    /// Waits for the samples that were handed on before a goodbye, so that what is committed is acknowledged too.
    async fn settle_all(&mut self) {
        let settling = async {
            while let Some((span, outcome)) = self.appends.next().await {
                if self.settle(span, outcome).await.is_break() {
                    return;
                }
            }
        };
        // What takes longer comes again.
        let _ = timeout(SETTLE_WITHIN, settling).await;
    }

    /// Tells the agent what to do about a message that was not stored.
    async fn refuse(&mut self, problem: Problem) -> ControlFlow<End> {
        match problem.code {
            ProblemCode::Unavailable | ProblemCode::TooMany | ProblemCode::Internal => {
                let retry_after_seconds = problem.retry_after_seconds.unwrap_or(RETRY_AFTER_SECONDS);
                self.send(&ToAgent::Busy { retry_after_seconds }).await
            }
            ProblemCode::Forbidden | ProblemCode::ConfirmIdentity => {
                ControlFlow::Break(End::Goodbye(DisconnectReason::AccessChanged))
            }
            ProblemCode::SignedOut | ProblemCode::NotFound | ProblemCode::Gone => {
                ControlFlow::Break(End::Goodbye(DisconnectReason::Revoked))
            }
            ProblemCode::Invalid | ProblemCode::Conflict | ProblemCode::TooLarge => {
                self.unsupported(problem.detail).await
            }
        }
    }

    async fn unsupported(&mut self, detail: String) -> ControlFlow<End> {
        self.send(&ToAgent::Unsupported { detail: clip(&detail, DETAIL_MAX) }).await
    }

    async fn send(&mut self, message: &ToAgent) -> ControlFlow<End> {
        domain::report::frame(&self.agent, "out", message.word());
        let sent = match serde_json::to_string(message) {
            Ok(text) => matches!(timeout(SEND_WITHIN, self.socket.send(text.into())).await, Ok(Ok(()))),
            Err(_) => false,
        };
        if sent { ControlFlow::Continue(()) } else { ControlFlow::Break(End::Lost) }
    }

    /// The last words, as far as the other end still listens.
    async fn part(mut self, end: End) {
        let code = match end {
            End::Closed(_) | End::Lost => return,
            End::Refused(code) => code,
            End::Replaced => close_code::POLICY,
            End::Goodbye(reason) => {
                let retry_after_seconds = match reason {
                    DisconnectReason::ServerStopped | DisconnectReason::AccessChanged => {
                        moment_of(&self.agent)
                    }
                    _ => ENDED_FOR_SECONDS,
                };
                if self.send(&ToAgent::Goodbye { reason, retry_after_seconds }).await.is_break() {
                    return;
                }
                close_code::AWAY
            }
        };
        let frame = CloseFrame { code, reason: "".into() };
        let _ = timeout(SEND_WITHIN, self.socket.send(Message::Close(Some(frame)))).await;
    }
}

/// Spreads the agents' return; the last byte of a device's id is random.
fn moment_of(agent: &AgentCx) -> u32 {
    let [.., last] = *agent.device_id().0.as_bytes();
    1 + u32::from(last) % RETURN_WITHIN_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what a function's future needs for as long as it lives.
    fn size<F>(_: impl FnOnce(WebSocket, AgentCx, Arc<Registry>, Arc<Limiter>, Arc<Budget>) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_session_is_small_because_every_device_has_one() {
        let bytes = size(run);
        assert!(bytes < 4096, "{bytes} bytes");
    }
}
