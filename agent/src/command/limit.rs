//! The limits of endpoints that the agent's own requests keep to.

use super::standing::Limits;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// A limit, and when the next request may begin.
#[derive(Debug)]
struct Limit {
    every: Duration,
    next: Option<Instant>,
}

/// Whoever makes a request asks; nothing has to be handed through for it.
static LIMITS: Mutex<BTreeMap<String, Limit>> = Mutex::new(BTreeMap::new());

fn limits() -> MutexGuard<'static, BTreeMap<String, Limit>> {
    LIMITS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// These hold from now on.
pub fn set(wanted: &Limits) {
    let mut limits = limits();
    limits.retain(|endpoint, _| wanted.contains_key(endpoint));
    for (endpoint, rps) in wanted {
        let every = Duration::from_secs(1) / (*rps).max(1);
        limits.entry(endpoint.clone()).or_insert(Limit { every, next: None }).every = every;
    }
}

/// Done when a request to this path may begin.
pub async fn turn(path: &str) {
    let at = reserve(&mut limits(), path, Instant::now());
    if let Some(at) = at {
        sleep_until(at).await;
    }
}

/// When it may begin: one after the other, evenly.
fn reserve(limits: &mut BTreeMap<String, Limit>, path: &str, now: Instant) -> Option<Instant> {
    let mut latest = None;
    for (endpoint, limit) in limits.iter_mut() {
        if is_below(path, endpoint) {
            let at = limit.next.map_or(now, |next| next.max(now));
            limit.next = Some(at + limit.every);
            latest = latest.max(Some(at));
        }
    }
    latest
}

/// Is this path the endpoint, or below it?
fn is_below(path: &str, endpoint: &str) -> bool {
    let endpoint = endpoint.trim_end_matches('/');
    path.strip_prefix(endpoint).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_to_a_limited_endpoint_come_one_after_the_other() {
        let mut limits = BTreeMap::new();
        let every = Duration::from_millis(100);
        limits.insert("/api".to_owned(), Limit { every, next: None });
        let now = Instant::now();
        assert_eq!(reserve(&mut limits, "/api/v1/agents/x", now), Some(now));
        assert_eq!(reserve(&mut limits, "/api", now), Some(now + every));
        assert_eq!(reserve(&mut limits, "/apis", now), None);
        assert_eq!(reserve(&mut limits, "/ws", now), None);
        let later = now + every * 50;
        assert_eq!(reserve(&mut limits, "/api/", later), Some(later), "what was not used is not saved up");
    }

    #[test]
    fn the_root_is_everything() {
        assert!(is_below("/ws", "/") && is_below("/api/v1", "/api/") && !is_below("/api", "/api/v1"));
    }
}
