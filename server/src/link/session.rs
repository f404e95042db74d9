//! One connected agent, in one task: read, decode, call one verb, encode.

use super::{
    Registry,
    ack::{Gate, Span},
    registry::{Leave, Seat},
};
use crate::limit::{self, Limiter};
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use domain::{AgentCx, LinkId};
use entity::{
    input::clip,
    presence::{DisconnectReason, LinkKind},
    problem::{Problem, ProblemCode},
    wire::{Hello, Metrics, MetricsAnswer, ToAgent, ToServer, limits::SOCKET_SILENCE_SECONDS},
};
use futures::{StreamExt, future::BoxFuture, stream::FuturesOrdered};
use std::{ops::ControlFlow, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until, timeout};

/// An agent says hello at once or not at all.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// A message that the network does not take within this time is lost, and the link with it.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// A socket that has been silent for so long is dead.
const SILENCE: Duration = Duration::from_secs(SOCKET_SILENCE_SECONDS);
/// A socket that has been silent for so long is asked whether it is alive.
const PING_AFTER: Duration = Duration::from_secs(SOCKET_SILENCE_SECONDS / 2);
/// Messages with samples that may wait for their commit at once; beyond it the socket is not read.
const IN_FLIGHT_MAX: usize = 4;
/// Agents come back within this many seconds after the server stopped or they were moved, each at its own moment.
const RETURN_WITHIN_SECONDS: u32 = 8;
/// How often a socket asks whether its device may still talk: what another server process decided is heard by this.
const RECHECK_EVERY: Duration = Duration::from_secs(30);
/// Seconds until an agent may send again what the server failed to store for reasons of its own.
const RETRY_AFTER_SECONDS: u32 = 30;
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
pub(super) async fn run(socket: WebSocket, agent: AgentCx, registry: Arc<Registry>, limiter: Arc<Limiter>) {
    let device = agent.device_id();
    let Some(seat) = registry.sit(device) else { return };
    let mut session = Session::new(socket, agent, seat, limiter);
    let end = match session.greet().await {
        ControlFlow::Break(end) => end,
        ControlFlow::Continue(()) => {
            let connected = Connected::new(session.agent.clone());
            let end = session.serve().await;
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
    /// Samples were committed, or not.
    Settle(Span, domain::Result<MetricsAnswer>),
    /// A frame came, or the socket ended.
    Hear(Option<Result<Message, axum::Error>>),
    /// Nothing came for a while.
    Silence,
    /// It is time to ask whether the device may still talk.
    Recheck,
}

type Append = BoxFuture<'static, (Span, domain::Result<MetricsAnswer>)>;

struct Session {
    socket: WebSocket,
    agent: AgentCx,
    seat: Seat,
    appends: FuturesOrdered<Append>,
    gate: Gate,
    heard_at: Instant,
    pings: u64,
    limiter: Arc<Limiter>,
    /// Nothing is read before: the device sent more than its share.
    reads_from: Instant,
    recheck_at: Instant,
}

impl Session {
    fn new(socket: WebSocket, agent: AgentCx, seat: Seat, limiter: Arc<Limiter>) -> Self {
        Self {
            socket,
            agent,
            seat,
            appends: FuturesOrdered::new(),
            gate: Gate::default(),
            heard_at: Instant::now(),
            pings: 0,
            limiter,
            reads_from: Instant::now(),
            recheck_at: Instant::now() + RECHECK_EVERY,
        }
    }

    /// Ends the session of a device that was revoked or moved, or whose business was switched off. A database that does
    /// not answer ends nothing.
    async fn recheck(&mut self) -> ControlFlow<End> {
        self.recheck_at = Instant::now() + RECHECK_EVERY;
        match domain::agent_token::recheck(&self.agent).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => match error.problem() {
                problem if problem.code.is_refusal() => self.refuse(problem).await,
                _ => ControlFlow::Continue(()),
            },
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
            Ok(welcome) => self.send(&ToAgent::Welcome(welcome)).await,
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
                () = sleep_until(self.recheck_at) => Turn::Recheck,
            };
            let step = match turn {
                Turn::Settle(span, outcome) => self.settle(span, outcome).await,
                Turn::Hear(frame) => self.heard(frame).await,
                Turn::Silence => self.silent().await,
                Turn::Recheck => self.recheck().await,
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
        match read(frame)? {
            None => ControlFlow::Continue(()),
            Some(Ok(message)) => self.answer(message).await,
            Some(Err(detail)) => self.unsupported(detail).await,
        }
    }

    async fn answer(&mut self, message: ToServer) -> ControlFlow<End> {
        let agent = &self.agent;
        domain::report::seen(agent, LinkKind::Socket);
        if let Err(wait) = self.limiter.message(agent.device_id(), agent.business_id()) {
            return self.hold_back(&message, wait).await;
        }
        let outcome = match message {
            ToServer::Heartbeat(_) | ToServer::Pong { .. } => Ok(()),
            ToServer::Metrics(metrics) => {
                self.append(metrics);
                Ok(())
            }
            // Boxed: a session lives for days, a report for milliseconds.
            ToServer::Services(services) => Box::pin(domain::report::services(agent, services)).await,
            ToServer::Software(software) => Box::pin(domain::report::software(agent, software)).await,
            ToServer::Facts(facts) => Box::pin(domain::report::facts(agent, facts)).await,
            ToServer::Event(event) => Box::pin(domain::report::event(agent, event)).await,
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

    /// Answers a message beyond the device's share, and reads the next one when there is room again.
    async fn hold_back(&mut self, message: &ToServer, wait: Duration) -> ControlFlow<End> {
        self.reads_from = Instant::now() + wait.min(SEND_WITHIN);
        let problem = limit::too_many(wait);
        let ToServer::Metrics(metrics) = message else { return self.refuse(problem).await };
        // In its turn: what came later must not be acknowledged over it.
        self.appends.push_back(Box::pin(std::future::ready((Span::of(metrics), Err(problem.into())))));
        ControlFlow::Continue(())
    }

    /// Hands samples on; they are acknowledged when they are committed.
    fn append(&mut self, metrics: Metrics) {
        let agent = self.agent.clone();
        self.appends.push_back(Box::pin(async move {
            let span = Span::of(&metrics);
            (span, domain::metric::append(&agent, LinkKind::Socket, metrics).await)
        }));
    }

    async fn settle(&mut self, span: Span, outcome: domain::Result<MetricsAnswer>) -> ControlFlow<End> {
        let may_ack = self.gate.settle(span, outcome.is_ok());
        match outcome {
            Ok(answer) if may_ack => self.send(&ToAgent::Ack { position: answer.position }).await,
            // Committed, but not what came before: the agent sends both again, which repeats nothing.
            Ok(_) => self.send(&ToAgent::Busy { retry_after_seconds: 1 }).await,
            Err(error) => self.refuse(error.problem()).await,
        }
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
                    _ => RETRY_AFTER_SECONDS,
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

fn left(leave: Option<Leave>) -> End {
    match leave {
        Some(Leave::Goodbye(reason)) => End::Goodbye(reason),
        Some(Leave::Replaced) | None => End::Replaced,
    }
}

/// Reads one frame: a message, what is wrong with it, or `None` for a frame that only keeps the socket alive.
fn read(frame: Option<Result<Message, axum::Error>>) -> ControlFlow<End, Option<Result<ToServer, String>>> {
    let message = match frame {
        None => return ControlFlow::Break(End::Lost),
        Some(Err(error)) => return ControlFlow::Break(broken(&error)),
        Some(Ok(message)) => message,
    };
    ControlFlow::Continue(match message {
        Message::Ping(_) | Message::Pong(_) => None,
        Message::Text(text) => Some(serde_json::from_str(&text).map_err(|error| error.to_string())),
        Message::Binary(_) => Some(Err("binary frames are not part of this protocol".to_owned())),
        Message::Close(frame) => {
            // An agent that closes in order says why, in the word of the reason.
            let reason = frame.and_then(|frame| frame.reason.parse().ok());
            return ControlFlow::Break(End::Closed(reason.unwrap_or(DisconnectReason::ConnectionLost)));
        }
    })
}

/// Tells a message over the limit, which the agent must not send again, from a broken connection.
fn broken(error: &axum::Error) -> End {
    let text = error.to_string();
    if text.contains("too long") || text.contains("too big") {
        End::Refused(close_code::SIZE)
    } else {
        End::Lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what a function's future needs for as long as it lives.
    fn size<F>(_: impl FnOnce(WebSocket, AgentCx, Arc<Registry>, Arc<Limiter>) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_session_is_small_because_every_device_has_one() {
        let bytes = size(run);
        assert!(bytes < 4096, "{bytes} bytes");
    }
}
