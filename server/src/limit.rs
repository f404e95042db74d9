//! How much anybody may ask of the server: buckets per actor, per tenant and per address, asked before anything else
//! is done for a request. What does not fit is answered 429 with the seconds to wait, and costs nobody else anything.

use crate::{
    api::ApiProblem,
    authenticate::{self, bearer},
    router::is_for_agents,
    state::AppState,
};
use axum::{
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::{AgentCx, Cx};
use entity::{
    id::{BusinessId, DeviceId},
    problem::{Problem, ProblemCode},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    state::keyed::DashMapStateStore,
};
use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher as _, Hash, RandomState},
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Most buckets of a kind; beyond it newcomers share some, so that memory is bounded whatever is sent.
const BUCKETS_MAX: usize = 100_000;
/// Buckets that newcomers share when there are too many.
const SHARED: u64 = 4_096;
/// Most credentials that are remembered as good.
const KNOWN_MAX: usize = 100_000;
/// A credential that was not seen for so long is no longer remembered.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 60);
/// Full buckets are forgotten this often.
pub(crate) const TIDY_EVERY: Duration = Duration::from_secs(60);

/// So many a second, and so many at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_second: NonZeroU32,
    burst: NonZeroU32,
}

impl Rate {
    /// A rate; nothing is less than one.
    #[must_use]
    pub const fn new(per_second: u32, burst: u32) -> Self {
        const fn at_least_one(number: u32) -> NonZeroU32 {
            match NonZeroU32::new(number) {
                Some(number) => number,
                None => NonZeroU32::MIN,
            }
        }
        Self { per_second: at_least_one(per_second), burst: at_least_one(burst) }
    }
}

/// As settings say it: so many a second / so many at once.
impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.per_second, self.burst)
    }
}

/// What may be asked. The defaults are far above what a person, a portal with live pages or an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one person in all their sessions, or of one API key.
    pub actor: Rate,
    /// Requests of all people and keys of one business; for the MSP's own, of one person with all their keys.
    pub tenant: Rate,
    /// Requests of people who are not known yet, from one address.
    pub stranger: Rate,
    /// HTTP calls of one device.
    pub device: Rate,
    /// HTTP calls of all devices of one business.
    pub fleet: Rate,
    /// Calls of devices that have not proved who they are yet, and downloads of the agent, from one address. Many
    /// devices share the address of their site.
    pub newcomer: Rate,
    /// Messages over the socket of one device.
    pub message: Rate,
    /// Messages over the sockets of all devices of one business.
    pub fleet_message: Rate,
    /// How long the head of a request may take to arrive, and a connection may wait for the next one.
    pub head_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            actor: Rate::new(50, 300),
            tenant: Rate::new(200, 1_000),
            stranger: Rate::new(20, 100),
            device: Rate::new(20, 100),
            fleet: Rate::new(2_000, 20_000),
            newcomer: Rate::new(1_000, 12_000),
            message: Rate::new(50, 500),
            fleet_message: Rate::new(5_000, 50_000),
            head_within: Duration::from_secs(30),
        }
    }
}

/// Buckets of one kind.
struct Buckets(RateLimiter<u64, DashMapStateStore<u64>, DefaultClock>, AtomicU64);

impl Buckets {
    fn new(rate: Rate) -> Self {
        Self(
            RateLimiter::dashmap(Quota::per_second(rate.per_second).allow_burst(rate.burst)),
            AtomicU64::default(),
        )
    }

    /// Takes one from the bucket; else says how long to wait.
    fn take(&self, key: u64) -> Result<(), Duration> {
        let key = if self.0.len() >= BUCKETS_MAX { key % SHARED } else { key };
        self.0.check_key(&key).map_err(|until| {
            self.1.fetch_add(1, Ordering::Relaxed);
            until.wait_time_from(DefaultClock::default().now())
        })
    }

    fn tidy(&self) {
        self.0.retain_recent();
        self.0.shrink_to_fit();
    }
}

/// Whose buckets a good credential takes from.
#[derive(Clone, Copy)]
struct Known {
    actor: u64,
    tenant: u64,
    seen_at: Instant,
}

/// All buckets, and the credentials that were good not long ago: those take from their owner's buckets before the
/// database is asked anything, all others from their address's.
pub(crate) struct Limiter {
    actors: Buckets,
    tenants: Buckets,
    strangers: Buckets,
    devices: Buckets,
    fleets: Buckets,
    newcomers: Buckets,
    messages: Buckets,
    fleet_messages: Buckets,
    known: Mutex<HashMap<u64, Known>>,
    /// Nobody outside can aim at somebody else's bucket.
    hasher: RandomState,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            actors: Buckets::new(limits.actor),
            tenants: Buckets::new(limits.tenant),
            strangers: Buckets::new(limits.stranger),
            devices: Buckets::new(limits.device),
            fleets: Buckets::new(limits.fleet),
            newcomers: Buckets::new(limits.newcomer),
            messages: Buckets::new(limits.message),
            fleet_messages: Buckets::new(limits.fleet_message),
            known: Mutex::default(),
            hasher: RandomState::new(),
        }
    }

    /// How often a bucket of each kind was empty.
    pub(crate) fn refusals(&self) -> [(&'static str, u64); 8] {
        let Self { actors, tenants, strangers, devices, fleets, newcomers, messages, fleet_messages, .. } =
            self;
        [
            ("actor", actors),
            ("tenant", tenants),
            ("stranger", strangers),
            ("device", devices),
            ("fleet", fleets),
            ("newcomer", newcomers),
            ("message", messages),
            ("fleet_message", fleet_messages),
        ]
        .map(|(name, buckets)| (name, buckets.1.load(Ordering::Relaxed)))
    }

    /// Forgets what nobody has used for a while.
    pub(crate) fn tidy(&self) {
        let Self { actors, tenants, strangers, devices, fleets, newcomers, messages, fleet_messages, .. } =
            self;
        for buckets in [actors, tenants, strangers, devices, fleets, newcomers, messages, fleet_messages] {
            buckets.tidy();
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, known| known.seen_at.elapsed() < KNOWN_FOR);
        known.shrink_to_fit();
    }

    /// Remembers that the credential of a request was good, or that it is not any more.
    pub(crate) fn note_person(&self, credential: Option<&str>, cx: Option<&Cx>) {
        let owner = cx.map(|cx| {
            let me = cx.me();
            let actor = match cx.api_key_id() {
                Some(key) => self.key(("key", key)),
                None => self.key(("person", me.id)),
            };
            (actor, me.business_id.map_or_else(|| self.key(("staff", me.id)), |id| self.key(id)))
        });
        self.note(credential, owner);
    }

    /// Remembers that the token of an agent was good.
    pub(crate) fn note_device(&self, token: &str, agent: &AgentCx) {
        self.note(Some(token), Some((self.key(agent.device_id()), self.key(agent.business_id()))));
    }

    fn note(&self, credential: Option<&str>, owner: Option<(u64, u64)>) {
        let Some(credential) = credential.map(|credential| self.key(credential)) else { return };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match owner {
            None => drop(known.remove(&credential)),
            Some((actor, tenant)) => {
                if known.len() >= KNOWN_MAX {
                    // Those who are still there are known again after their next request.
                    known.clear();
                }
                known.insert(credential, Known { actor, tenant, seen_at: Instant::now() });
            }
        }
    }

    /// Takes one message of a device's socket; else says how long it has to wait.
    pub(crate) fn message(&self, device: DeviceId, business: BusinessId) -> Result<(), Duration> {
        self.messages.take(self.key(device))?;
        self.fleet_messages.take(self.key(business))
    }

    fn take(&self, who: Who<'_>) -> Result<(), Duration> {
        let (credential, address, actors, tenants, unknown) = match who {
            Who::Person { credential, address } => {
                (credential, address, &self.actors, &self.tenants, &self.strangers)
            }
            Who::Device { token, address } => (token, address, &self.devices, &self.fleets, &self.newcomers),
        };
        let known = credential.and_then(|credential| {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(&self.key(credential)).copied()
        });
        match known {
            Some(Known { actor, tenant, .. }) => {
                actors.take(actor)?;
                tenants.take(tenant)
            }
            None => unknown.take(self.key(network(address))),
        }
    }

    fn key(&self, what: impl Hash) -> u64 {
        self.hasher.hash_one(what)
    }
}

/// Who asks, as far as the request itself says.
#[derive(Clone, Copy)]
enum Who<'a> {
    /// Somebody with a session cookie or an API key, or with neither.
    Person { credential: Option<&'a str>, address: &'a str },
    /// An agent, or who installs one.
    Device { token: Option<&'a str>, address: &'a str },
}

/// One household has one network of IPv6 and in it as many addresses as it likes.
fn network(address: &str) -> Option<IpAddr> {
    Some(match address.parse().ok()? {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address @ IpAddr::V4(_) => address,
    })
}

/// Lets a request pass, or answers that there were too many.
pub(crate) async fn limit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let address = authenticate::visitor(&parts, &state.config).source_ip;
    let path = parts.uri.path();
    let is_install = path.starts_with("/install.") || path.starts_with("/downloads/");
    let taken = if is_install || path == "/ws" || is_for_agents(&parts.method, path) {
        state.limiter.take(Who::Device { token: bearer(&parts.headers), address: &address })
    } else {
        let credential = authenticate::credential(&parts.headers, &state.config);
        state.limiter.take(Who::Person { credential: credential.as_deref(), address: &address })
    };
    match taken {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(wait) => {
            let mut response = ApiProblem::from(too_many(wait)).into_response();
            // What the caller still sends is not read.
            response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
            response
        }
    }
}

/// The seconds after which there is room again, rounded up.
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

/// What is answered to somebody who has to wait.
pub(crate) fn too_many(wait: Duration) -> Problem {
    let seconds = seconds(wait);
    let unit = if seconds == 1 { "second" } else { "seconds" };
    Problem {
        retry_after_seconds: Some(seconds),
        ..Problem::new(
            ProblemCode::TooMany,
            format!("Too many requests. Wait {seconds} {unit} and try again."),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_its_owners_alone() {
        let buckets = Buckets::new(Rate::new(1, 3));
        assert!((0..3).all(|_| buckets.take(1).is_ok()));
        assert_eq!(buckets.take(1).map_err(seconds), Err(1));
        assert!(buckets.take(2).is_ok());
    }

    #[test]
    fn memory_is_bounded_whoever_comes() {
        let buckets = Buckets::new(Rate::new(1, 1_000));
        for key in 0..BUCKETS_MAX as u64 * 2 {
            let _ = buckets.take(key.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        }
        let most = BUCKETS_MAX + usize::try_from(SHARED).expect("small");
        assert!(buckets.0.len() <= most, "{}", buckets.0.len());
        let limiter = Limiter::new(&Limits::default());
        for number in 0..=KNOWN_MAX {
            limiter.note(Some(&number.to_string()), Some((1, 1)));
        }
        assert!(limiter.known.lock().expect("whole").len() <= KNOWN_MAX);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        assert_eq!(network("2001:db8:1:2:aaaa::1"), network("2001:db8:1:2:bbbb::2"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("unknown"), None);
    }

    #[test]
    fn a_credential_counts_for_its_owner_once_it_was_good() {
        let limits = Limits { stranger: Rate::new(1, 2), actor: Rate::new(1, 5), ..Limits::default() };
        let limiter = Limiter::new(&limits);
        let take = |credential| limiter.take(Who::Person { credential, address: "192.0.2.1" });
        limiter.note(Some("good"), Some((1, 1)));
        assert!(take(None).is_ok() && take(Some("guess")).is_ok());
        assert!(take(None).is_err() && take(Some("another guess")).is_err());
        assert!((0..5).all(|_| take(Some("good")).is_ok()), "the neighbours at one address");
        assert!(take(Some("good")).is_err());
        limiter.note(Some("good"), None);
        assert!(limiter.known.lock().expect("whole").is_empty());
    }
}
