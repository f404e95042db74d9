//! What holds until it is changed: the agent's mode, whether strong commands are stopped, and the limits of endpoints. Each
//! in a file of its own. What cannot be read counts as the careful answer.

use crate::paths::Paths;
use chrono::{DateTime, Utc};
use entity::{
    command::{Mode, StopOrder},
    id::BusinessId,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
};
use updater::durable::{Mode as FileMode, write_atomic};

/// Largest file that is read.
const BYTES_MAX: u64 = 64 * 1024;
/// Most businesses whose stops are remembered: a device may have been handed from one to another.
const BUSINESSES_MAX: usize = 16;
/// Most endpoints that are limited.
pub const LIMITS_MAX: usize = 64;

/// The mode, with since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeKept {
    /// Which.
    pub mode: Mode,
    /// Since when, by the device's clock; absent: always.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
}

impl Default for ModeKept {
    fn default() -> Self {
        Self { mode: Mode::Normal, since: None }
    }
}

/// A stop, or that there is none any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Only what is newer counts.
    pub seq: u64,
    /// True: strong commands are refused.
    pub is_stopped: bool,
    /// When it was decided.
    #[serde(default)]
    pub decided_at: Option<DateTime<Utc>>,
}

/// The stops of all, and of each business; either one stops.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stops {
    /// Of all businesses.
    pub all: Stop,
    /// Of one.
    pub businesses: BTreeMap<BusinessId, Stop>,
}

impl Stops {
    /// Are strong commands stopped for this business?
    #[must_use]
    pub fn is_stopped(&self, business_id: BusinessId) -> bool {
        self.all.is_stopped || self.businesses.get(&business_id).is_some_and(|stop| stop.is_stopped)
    }

    /// Is anything stopped?
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.all.is_stopped || self.businesses.values().any(|stop| stop.is_stopped)
    }

    /// Takes an order to stop or to go on; false when it is not newer than what is known, or would go on without anybody
    /// having decided that.
    pub fn take(&mut self, order: &StopOrder) -> bool {
        let next = Stop { seq: order.seq, is_stopped: order.is_stopped, decided_at: Some(order.decided_at) };
        if !order.is_stopped && order.approvals.is_empty() {
            return false;
        }
        let present = match order.business_id {
            None => &mut self.all,
            Some(id) => {
                if !self.businesses.contains_key(&id) && self.businesses.len() >= BUSINESSES_MAX {
                    // Those that stop nothing are the least to lose.
                    let idle = self.businesses.iter().find(|(_, stop)| !stop.is_stopped).map(|(id, _)| *id);
                    let Some(idle) = idle else { return false };
                    self.businesses.remove(&idle);
                }
                self.businesses.entry(id).or_default()
            }
        };
        if next.seq <= present.seq {
            return false;
        }
        *present = next;
        true
    }
}

/// Requests a second that are allowed to endpoints of this device.
pub type Limits = BTreeMap<String, u32>;

/// All that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How the agent behaves.
    pub mode: ModeKept,
    /// What is stopped.
    pub stops: Stops,
    /// What is limited.
    pub limits: Limits,
}

impl Standing {
    /// Reads all of it.
    #[must_use]
    pub fn load(paths: &Paths) -> Self {
        let mode = read(mode_path(paths)).unwrap_or_else(|error| {
            tracing::error!(%error, "agent-mode.json cannot be read: safe mode until the server says otherwise");
            ModeKept { mode: Mode::Safe, since: None }
        });
        let stops = read(stops_path(paths)).unwrap_or_else(|error| {
            tracing::error!(%error, "emergency-stop.json cannot be read: strong commands are stopped");
            Stops { all: Stop { is_stopped: true, ..Stop::default() }, ..Stops::default() }
        });
        let limits = read(limits_path(paths)).unwrap_or_else(|error| {
            tracing::warn!(%error, "rate-limits.json cannot be read: no limits");
            Limits::default()
        });
        Self { mode, stops, limits }
    }

    /// Keeps the mode.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    pub fn keep_mode(&mut self, paths: &Paths, mode: Mode) -> io::Result<()> {
        let kept = ModeKept { mode, since: Some(Utc::now()) };
        write(mode_path(paths), &kept)?;
        self.mode = kept;
        Ok(())
    }

    /// Keeps the stops.
    ///
    /// # Errors
    /// Whatever the file system refuses; they hold all the same until the agent ends.
    pub fn keep_stops(&self, paths: &Paths) -> io::Result<()> {
        write(stops_path(paths), &self.stops)
    }

    /// Sets a limit, or takes it away.
    ///
    /// # Errors
    /// When there are too many, or whatever the file system refuses.
    pub fn keep_limit(&mut self, paths: &Paths, endpoint: &str, limit_rps: u32) -> io::Result<()> {
        let mut limits = self.limits.clone();
        if limit_rps == 0 {
            limits.remove(endpoint);
        } else {
            limits.insert(endpoint.to_owned(), limit_rps);
        }
        if limits.len() > LIMITS_MAX {
            return Err(io::Error::other(format!("at most {LIMITS_MAX} endpoints can be limited")));
        }
        write(limits_path(paths), &limits)?;
        self.limits = limits;
        Ok(())
    }
}

fn mode_path(paths: &Paths) -> PathBuf {
    paths.folder().join("agent-mode.json")
}

fn stops_path(paths: &Paths) -> PathBuf {
    paths.folder().join("emergency-stop.json")
}

fn limits_path(paths: &Paths) -> PathBuf {
    paths.folder().join("rate-limits.json")
}

/// What is not there is as it is at first.
fn read<T: DeserializeOwned + Default>(path: PathBuf) -> io::Result<T> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(T::default()),
        other => other?,
    };
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

fn write(path: PathBuf, what: &impl Serialize) -> io::Result<()> {
    write_atomic(&path, &serde_json::to_vec_pretty(what)?, FileMode::Private)
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::command::ApprovalNote;
    use uuid::Uuid;

    const OURS: BusinessId = BusinessId(Uuid::from_u128(1));

    fn order(seq: u64, business_id: Option<BusinessId>, is_stopped: bool) -> StopOrder {
        let approval = ApprovalNote {
            user_id: entity::id::UserId(Uuid::from_u128(2)),
            user_name: String::new(),
            approved_at: DateTime::UNIX_EPOCH,
            request_sha256: String::new(),
            signature: None,
        };
        let approvals = if is_stopped { Vec::new() } else { vec![approval] };
        StopOrder { seq, business_id, is_stopped, decided_at: DateTime::UNIX_EPOCH, approvals }
    }

    #[test]
    fn either_stop_stops_and_only_what_is_newer_changes_it() {
        let mut stops = Stops::default();
        assert!(!stops.is_stopped(OURS));
        assert!(stops.take(&order(3, None, true)));
        assert!(stops.take(&order(1, Some(OURS), true)));
        assert!(!stops.take(&order(3, None, false)), "the same number again");
        assert!(
            !stops.take(&StopOrder { approvals: Vec::new(), ..order(4, None, false) }),
            "nobody decided that"
        );
        assert!(stops.take(&order(4, None, false)));
        assert!(stops.is_stopped(OURS), "its own still holds");
        assert!(!stops.is_stopped(BusinessId(Uuid::from_u128(7))));
        assert!(stops.take(&order(2, Some(OURS), false)) && !stops.is_any());
        for number in 10..50 {
            stops.take(&order(1, Some(BusinessId(Uuid::from_u128(number))), false));
        }
        assert!(stops.businesses.len() <= BUSINESSES_MAX);
    }

    #[test]
    fn what_cannot_be_read_is_the_careful_answer() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        assert_eq!(Standing::load(&paths), Standing::default());
        let mut standing = Standing::default();
        standing.keep_mode(&paths, Mode::Safe).unwrap();
        standing.keep_limit(&paths, "/api", 5).unwrap();
        standing.keep_limit(&paths, "/x", 5).unwrap();
        standing.keep_limit(&paths, "/x", 0).unwrap();
        standing.stops.take(&order(1, None, true));
        standing.keep_stops(&paths).unwrap();
        assert_eq!(Standing::load(&paths), standing);
        standing.keep_mode(&paths, Mode::Normal).unwrap();
        for name in ["agent-mode.json", "emergency-stop.json", "rate-limits.json"] {
            std::fs::write(folder.path().join(name), "{").unwrap();
        }
        let found = Standing::load(&paths);
        assert_eq!((found.mode.mode, found.stops.all.is_stopped, found.limits.len()), (Mode::Safe, true, 0));
        let mut stops = found.stops;
        assert!(stops.take(&order(1, None, false)), "the server's word ends it");
    }
}
