//! `GET /portal/events`: what happens, pushed to one open page for as long as its session lives.

use crate::{
    api::ApiProblem,
    authenticate::{Caller, session_secret, visitor},
    state::AppState,
};
use axum::{
    extract::State,
    http::request::Parts,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use domain::{Cx, SessionSecret, Visitor};
use entity::{
    id::UserId,
    portal_event::PortalEvent,
    problem::{Problem, ProblemCode},
};
use futures::{Stream, stream};
use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        watch,
    },
    time::Interval,
};

/// Streams that one user may hold open: some tabs on some machines.
const STREAMS_PER_USER_MAX: usize = 32;
/// How often a stream asks whether its session still lives, and with what reach.
const RECHECK_EVERY: Duration = Duration::from_secs(30);
/// How soon after a decision of somebody's it asks, so that many decisions at once cost one question.
const RECHECK_SOON: Duration = Duration::from_millis(250);
/// How often a silent stream says that it is there; proxies cut silent ones.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);

/// Counts open streams per user.
#[derive(Default)]
pub(crate) struct Streams(Mutex<HashMap<UserId, usize>>);

impl Streams {
    /// Open streams of everybody.
    pub(crate) fn open_in_all(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    fn open(self: &Arc<Self>, user: UserId) -> Option<OpenStream> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(user).or_default();
        if *count >= STREAMS_PER_USER_MAX {
            return None;
        }
        *count += 1;
        Some(OpenStream { streams: Arc::clone(self), user })
    }
}

/// One open stream; counted until it is dropped.
struct OpenStream {
    streams: Arc<Streams>,
    user: UserId,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

/// `GET /portal/events`
pub(crate) async fn events(
    State(state): State<AppState>,
    caller: Caller,
    parts: Parts,
) -> Result<Response, ApiProblem> {
    let Some(secret) = session_secret(&parts.headers, &state.config) else {
        return Err(Problem::new(ProblemCode::SignedOut, "Sign in to the portal first.").into());
    };
    let Some(counted) = state.streams.open(caller.cx.me().id) else {
        let detail = "Too many pages are open. Close some and reload this one.";
        return Err(
            Problem { retry_after_seconds: Some(60), ..Problem::new(ProblemCode::TooMany, detail) }.into()
        );
    };
    let mut recheck = tokio::time::interval(RECHECK_EVERY);
    recheck.reset();
    let watcher = Watcher {
        events: state.store.events(),
        decisions: state.store.decisions(),
        elsewhere: state.store.events_elsewhere(),
        decisions_elsewhere: state.store.decisions_elsewhere(),
        gaps: state.store.gaps(),
        is_behind: false,
        asks_soon: false,
        stopping: state.stopping.clone(),
        visitor: visitor(&parts, &state.config),
        cx: caller.cx,
        secret,
        recheck,
        state,
        waiting: VecDeque::from([PortalEvent::Resync]),
        _counted: counted,
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE_EVERY);
    // Proxies that gather responses would hold events back.
    Ok(([("x-accel-buffering", "no")], Sse::new(watcher.stream()).keep_alive(keep_alive)).into_response())
}

/// One page's view of what happens.
struct Watcher {
    state: AppState,
    events: broadcast::Receiver<PortalEvent>,
    decisions: watch::Receiver<u64>,
    /// What happens in other server processes, and what is decided there.
    elsewhere: broadcast::Receiver<PortalEvent>,
    decisions_elsewhere: watch::Receiver<u64>,
    /// Messages of other server processes that were missed.
    gaps: watch::Receiver<u64>,
    /// True when what is shown may be stale for such a gap.
    is_behind: bool,
    /// True when the next question was moved ahead already.
    asks_soon: bool,
    stopping: watch::Receiver<bool>,
    visitor: Visitor,
    secret: SessionSecret,
    cx: Cx,
    recheck: Interval,
    waiting: VecDeque<PortalEvent>,
    _counted: OpenStream,
}

/// What a stream turns to next.
enum Turn {
    /// It is time to ask whether the session still lives.
    Recheck,
    /// Somebody decided something: it asks soon.
    AskSoon,
    /// Messages of other server processes were missed: what is shown may be stale.
    Missed,
    /// Something happened.
    Event(Result<PortalEvent, RecvError>),
}

impl Watcher {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut watcher| async move {
            let event = watcher.next().await?;
            // An event is plain data; it always has a JSON form.
            let event = Event::default().json_data(&event).unwrap_or_default();
            Some((Ok(event), watcher))
        })
    }

    /// The next event that this person may see; `None` when the session is over or the server stops.
    async fn next(&mut self) -> Option<PortalEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let turn = tokio::select! {
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                _ = self.recheck.tick() => Turn::Recheck,
                Ok(()) = self.decisions.changed(), if !self.asks_soon => Turn::AskSoon,
                Ok(()) = self.decisions_elsewhere.changed(), if !self.asks_soon => Turn::AskSoon,
                Ok(()) = self.gaps.changed(), if !self.is_behind => Turn::Missed,
                event = self.events.recv() => Turn::Event(event),
                event = self.elsewhere.recv() => Turn::Event(event),
            };
            match turn {
                Turn::Recheck => self.recheck().await?,
                Turn::AskSoon => self.ask_soon(),
                Turn::Missed => {
                    self.is_behind = true;
                    self.ask_soon();
                }
                // A database that does not answer shows nothing.
                Turn::Event(Ok(event)) if self.cx.sees(&event).await.unwrap_or(false) => return Some(event),
                Turn::Event(Ok(_)) => {}
                Turn::Event(Err(RecvError::Lagged(_))) => return Some(PortalEvent::Resync),
                Turn::Event(Err(RecvError::Closed)) => return None,
            }
        }
    }

    fn ask_soon(&mut self) {
        if !self.asks_soon {
            self.asks_soon = true;
            self.recheck.reset_after(RECHECK_SOON);
        }
    }

    /// Takes the session's present reach; `None` when it is over. A database that does not answer ends nothing.
    async fn recheck(&mut self) -> Option<()> {
        self.asks_soon = false;
        let is_behind = std::mem::take(&mut self.is_behind);
        match domain::access::watching_cx(&self.state.store, &self.visitor, &self.secret).await {
            Ok(cx) => {
                if is_behind || !cx.reaches_as_before(&self.cx) {
                    self.waiting.push_back(PortalEvent::Resync);
                }
                self.cx = cx;
            }
            Err(error) if error.problem().code == ProblemCode::SignedOut => return None,
            Err(_) => self.is_behind = is_behind,
        }
        Some(())
    }
}
