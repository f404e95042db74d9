//! How much of what agents send may be in memory at once: one budget of bytes for bodies and messages from their first
//! byte to the commit. What does not fit is not read; its sender is told to come back.

use crate::api::ApiProblem;
use axum::{
    RequestExt as _,
    body::{Body, Bytes},
    extract::Request,
    http::header::CONTENT_LENGTH,
    middleware::Next,
    response::Response,
};
use entity::{
    id::BusinessId,
    problem::{Problem, ProblemCode},
    wire::limits::{BODY_SECONDS_MAX, INGEST_BYTES_MAX, MESSAGE_BYTES_MAX},
};
use futures::StreamExt as _;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// Seconds until somebody may come back for whom there was no room.
const RETRY_AFTER_SECONDS: u32 = 5;

/// What is in memory, and whose it is.
#[derive(Debug)]
pub(crate) struct Budget {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    each: HashMap<Payer, usize>,
}

/// Whose part of the budget something is held in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Payer {
    /// A business, for all its devices.
    Business(BusinessId),
    /// People and programs that are signed in.
    People,
    /// Those who are not known yet.
    Stranger,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(INGEST_BYTES_MAX)
    }
}

impl Budget {
    /// A budget of so many bytes. Nobody gets more than half of it: one business's flood leaves room for the others.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, taken: Mutex::default() }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes room for so many bytes, until the hold is dropped.
    pub(crate) fn take(self: &Arc<Self>, whose: Payer, bytes: usize) -> Option<Hold> {
        let mut hold = Hold { budget: Arc::clone(self), whose, bytes: 0 };
        hold.grow(bytes).then_some(hold)
    }

    /// How many bytes are taken.
    pub(crate) fn held(&self) -> usize {
        self.taken().all
    }

    /// Is there room for so many bytes at this moment?
    fn has_room(&self, whose: Payer, bytes: usize) -> bool {
        let taken = self.taken();
        let own = taken.each.get(&whose).copied().unwrap_or(0);
        taken.all + bytes <= self.most && own + bytes <= self.most / 2
    }
}

/// Room in the budget that somebody has.
#[derive(Debug)]
pub(crate) struct Hold {
    budget: Arc<Budget>,
    whose: Payer,
    bytes: usize,
}

impl Hold {
    /// Takes more; false when there is no room.
    fn grow(&mut self, bytes: usize) -> bool {
        let most = self.budget.most;
        let mut taken = self.budget.taken();
        let own = taken.each.get(&self.whose).copied().unwrap_or(0);
        if taken.all + bytes > most || own + bytes > most / 2 {
            return false;
        }
        taken.all += bytes;
        *taken.each.entry(self.whose).or_default() += bytes;
        drop(taken);
        self.bytes += bytes;
        true
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut taken = self.budget.taken();
        taken.all -= self.bytes;
        if let Some(own) = taken.each.get_mut(&self.whose) {
            *own -= self.bytes;
            if *own == 0 {
                taken.each.remove(&self.whose);
            }
        }
    }
}

/// Where a request keeps its hold: what was read is in memory until it is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tray(Arc<Mutex<Option<Hold>>>);

/// Gives a request its tray, and empties it once the request is answered.
pub(crate) async fn hold(mut request: Request, next: Next) -> Response {
    let tray = Tray::default();
    request.extensions_mut().insert(tray.clone());
    let response = next.run(request).await;
    drop(tray);
    response
}

/// Reads a body as far as its route allows and the budget has room: nothing at all when what it claims does not fit, and
/// no longer than an honest sender takes.
pub(crate) async fn read(request: Request, budget: &Arc<Budget>) -> Result<Request, ApiProblem> {
    let (parts, body) = request.with_limited_body().into_parts();
    let whose = parts.extensions.get::<Payer>().copied().unwrap_or(Payer::Stranger);
    let claimed = parts.headers.get(CONTENT_LENGTH);
    let claimed = claimed.and_then(|value| value.to_str().ok()?.parse::<usize>().ok()).unwrap_or(0);
    // A body that claims more than its route takes is refused below, by its own name.
    if !budget.has_room(whose, claimed.min(MESSAGE_BYTES_MAX)) {
        return Err(no_room().into());
    }
    let mut hold = budget.take(whose, 0).ok_or_else(no_room)?;
    let deadline = Instant::now() + Duration::from_secs(BODY_SECONDS_MAX);
    let mut frames = body.into_data_stream();
    let mut first = Bytes::new();
    let mut all = Vec::new();
    loop {
        let frame = timeout_at(deadline, frames.next()).await.map_err(|_| too_slow())?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| broken(&error))?;
        if !hold.grow(frame.len()) {
            return Err(no_room().into());
        }
        if first.is_empty() && all.is_empty() {
            first = frame;
        } else {
            if all.is_empty() {
                all.reserve(claimed.min(MESSAGE_BYTES_MAX));
                all.extend_from_slice(&first);
                first = Bytes::new();
            }
            all.extend_from_slice(&frame);
        }
    }
    if let Some(tray) = parts.extensions.get::<Tray>() {
        *tray.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(hold);
    }
    let whole = if all.is_empty() { first } else { all.into() };
    Ok(Request::from_parts(parts, Body::from(whole)))
}

/// What somebody is told for whom there is no room.
pub(crate) fn no_room() -> Problem {
    Problem {
        retry_after_seconds: Some(RETRY_AFTER_SECONDS),
        ..Problem::new(
            ProblemCode::Unavailable,
            "The server has no room for this at the moment. Try again later.",
        )
    }
}

fn too_slow() -> Problem {
    let detail = format!("The body did not arrive within {BODY_SECONDS_MAX} seconds.");
    Problem {
        retry_after_seconds: Some(RETRY_AFTER_SECONDS),
        ..Problem::new(ProblemCode::Unavailable, detail)
    }
}

fn broken(error: &axum::Error) -> Problem {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<http_body_util::LengthLimitError>() {
            return Problem::new(ProblemCode::TooLarge, "The body is larger than this address accepts.");
        }
        cause = inner.source();
    }
    Problem::new(ProblemCode::Invalid, "The body did not arrive whole.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_more_than_half_and_all_of_it_comes_back() {
        let budget = Arc::new(Budget::new(1_000));
        let (one, other) = (Payer::Business(BusinessId::generate()), Payer::People);
        let holds: Vec<Hold> = (0..10).filter_map(|_| budget.take(one, 100)).collect();
        assert_eq!(holds.len(), 5, "half");
        let mut theirs = budget.take(other, 400).expect("there is room for others");
        assert!(!theirs.grow(101) && theirs.grow(100), "half");
        assert!(budget.take(Payer::Stranger, 1).is_none(), "nothing is left");
        assert_eq!(budget.held(), 1_000);
        drop((holds, theirs));
        assert_eq!((budget.held(), budget.taken().each.len()), (0, 0));
    }
}
