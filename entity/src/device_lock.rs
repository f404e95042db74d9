//! Lock two: what a local administrator lets happen on a device, and for how long. The server is told of it and can
//! never change it; one pure function decides.

use crate::{input::clip, platform::words};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Longest time for which a device can be armed, in seconds: 30 days.
pub const ARMED_SECONDS_MAX: u64 = 30 * 24 * 60 * 60;
/// Most entries that a lock may allow.
pub const ALLOW_MAX: usize = 100;
/// Longest pattern of an entry, in characters.
pub const PATTERN_MAX: usize = 200;
/// Longest description of what is wrong with a lock, in characters.
const TROUBLE_MAX: usize = 300;

words! {
    /// What does something on a device that cannot simply be undone.
    StrongKind {
        /// Restarts a system service; its argument is the service's name.
        RestartService = "restart_service",
        /// Restarts a process; its argument is the process's name.
        RestartProcess = "restart_process",
        /// Ends a process; its argument is the process's name.
        StopProcess = "stop_process",
        /// Runs a script; its argument is the SHA-256 of the script, in hexadecimal digits.
        RunScript = "run_script",
        /// Installs patches; its argument is the patch.
        InstallPatches = "install_patches",
        /// Takes patches back; its argument is the patch.
        RollbackPatches = "rollback_patches",
        /// Goes back to the version before of a program; its argument is the program.
        Rollback = "rollback",
        /// Puts another version of the agent in place; its argument is the version.
        UpdateAgent = "update_agent",
        /// Restarts the machine.
        Reboot = "reboot",
    }
}

words! {
    /// Why a device did not do something that was asked of it, or that it would have done by itself.
    RefusalCode {
        /// The device is locked: nobody has armed it, or the time is over.
        LockedLocal = "locked_local",
        /// The device is armed, but not for this.
        NotAllowed = "not_allowed",
    }
}

impl RefusalCode {
    /// A sentence for people, without a full stop.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::LockedLocal => "the device is locked",
            Self::NotAllowed => "the device is armed, but not for this",
        }
    }
}

/// What may be done, as the administrator wrote it: `restart_service:nginx`, `restart_service:php*`, `reboot`, or
/// `run_script:` and a SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AllowEntry {
    kind: StrongKind,
    /// What the argument has to be; `*` stands for anything. Absent: whatever it is.
    pattern: Option<String>,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadEntry(String);

impl FromStr for AllowEntry {
    type Err = BadEntry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, pattern) = match text.split_once(':') {
            Some((kind, pattern)) => (kind, Some(pattern)),
            None => (text, None),
        };
        let kind: StrongKind =
            kind.parse().map_err(|error| BadEntry(format!("“{}”: the kind {error}", clip(kind, 60))))?;
        let bad = |what: &str| Err(BadEntry(format!("“{}”: {what}", clip(text, 80))));
        match (kind, pattern) {
            (StrongKind::Reboot, None) => {}
            (StrongKind::Reboot, Some(_)) => return bad("a reboot has no argument; write just reboot"),
            (_, None) => {
                return bad(
                    "say what it may be done to, such as restart_service:nginx; * stands for anything",
                );
            }
            (StrongKind::RunScript, Some(digest)) => {
                if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return bad("a script is allowed by its SHA-256, 64 hexadecimal digits");
                }
            }
            (_, Some(pattern)) => {
                if pattern.trim().is_empty() || pattern.trim() != pattern {
                    return bad("the pattern is empty, or begins or ends with a space");
                }
                if pattern.chars().count() > PATTERN_MAX || pattern.chars().any(char::is_control) {
                    return bad("the pattern is too long or holds control characters");
                }
            }
        }
        Ok(Self { kind, pattern: pattern.map(str::to_owned) })
    }
}

impl TryFrom<String> for AllowEntry {
    type Error = BadEntry;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AllowEntry> for String {
    fn from(entry: AllowEntry) -> Self {
        entry.to_string()
    }
}

impl fmt::Display for AllowEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.word())?;
        match &self.pattern {
            Some(pattern) => write!(f, ":{pattern}"),
            None => Ok(()),
        }
    }
}

impl AllowEntry {
    /// Does this entry allow that?
    #[must_use]
    pub fn covers(&self, kind: StrongKind, argument: &str) -> bool {
        if self.kind != kind {
            return false;
        }
        let Some(pattern) = &self.pattern else { return true };
        match kind {
            StrongKind::RunScript => pattern.eq_ignore_ascii_case(argument),
            // People say nginx where systemd says nginx.service.
            StrongKind::RestartService => matches(short(pattern), short(argument)),
            _ => matches(pattern, argument),
        }
    }
}

/// The name of a service as people say it.
fn short(service: &str) -> &str {
    service.strip_suffix(".service").unwrap_or(service)
}

/// What to type on a device so that it restarts this service by itself.
#[must_use]
pub fn arm_for_service(service_name: &str) -> String {
    let name = short(service_name);
    // A name with a space or a character that a shell knows has to be quoted.
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | ':'));
    let argument = format!("restart_service:{name}");
    let argument = if plain { argument } else { format!("\"{argument}\"") };
    format!("reeve-agent lock arm --for 2h --allow {argument}")
}

/// Is the text what the pattern says? `*` stands for anything, also for nothing; everything else for itself. Never
/// longer than the product of both lengths.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where to go on when what followed the last star did not fit.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, read));
            at += 1;
        } else if pattern.get(at) == text.get(read) {
            at += 1;
            read += 1;
        } else if let Some((star_at, taken)) = star {
            star = Some((star_at, taken + 1));
            at = star_at + 1;
            read = taken + 1;
        } else {
            return false;
        }
    }
    pattern.iter().skip(at).all(|c| *c == '*')
}

/// From when and for how long a device is armed, and how much of it is used whatever the clock says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Armed {
    /// When, by the device's clock.
    pub at: DateTime<Utc>,
    /// For how long, in seconds; at most [`ARMED_SECONDS_MAX`].
    pub for_seconds: u64,
    /// Which boot of the machine it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// How long the machine had been up, in seconds, counting sleep.
    pub uptime_seconds: u64,
    /// What is allowed for this time only.
    #[serde(default)]
    pub allow: Vec<AllowEntry>,
}

/// How much of an armed time was used, as the agent wrote it down last: what a clock that was set back, or a restart
/// of the machine, must not give back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// [`Armed::at`] of the time that it belongs to.
    pub armed_at: DateTime<Utc>,
    /// In which boot it was written.
    pub boot_id: Option<String>,
    /// At which uptime it was written, in seconds.
    pub uptime_seconds: u64,
    /// How much was used then, in seconds.
    pub spent_seconds: u64,
}

/// Now, by every clock that a device has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By the clock on the wall, which can be set.
    pub wall: DateTime<Utc>,
    /// Which boot of the machine this is, where the system says.
    pub boot_id: Option<String>,
    /// How long the machine has been up, in seconds, counting sleep; nobody can set it.
    pub uptime_seconds: u64,
    /// What was written down of the time that is used.
    pub spent: Option<Spent>,
}

impl Armed {
    /// How much of the time is used, in seconds; `None` when the clocks contradict each other, which locks.
    #[must_use]
    pub fn spent_seconds(&self, now: &Moment) -> Option<u64> {
        let same_boot = |boot: &Option<String>| boot.is_some() && *boot == now.boot_id;
        let spent = now.spent.as_ref().filter(|spent| spent.armed_at == self.at);
        let by_uptime = match spent {
            Some(spent) if same_boot(&spent.boot_id) => {
                spent.spent_seconds.checked_add(now.uptime_seconds.checked_sub(spent.uptime_seconds)?)?
            }
            // Where boots cannot be told apart, the uptime may be that of this one or of another.
            Some(spent) if now.boot_id.is_none() => spent.spent_seconds,
            Some(spent) => spent.spent_seconds.checked_add(now.uptime_seconds)?,
            None if same_boot(&self.boot_id) => now.uptime_seconds.checked_sub(self.uptime_seconds)?,
            None if now.boot_id.is_none() => 0,
            None => now.uptime_seconds,
        };
        let by_wall = now.wall.signed_duration_since(self.at).num_seconds();
        match u64::try_from(by_wall) {
            Ok(by_wall) => Some(by_uptime.max(by_wall)),
            // Before it was armed. Within one boot the uptime knows better; after another one nothing does.
            Err(_) if same_boot(&self.boot_id) => Some(by_uptime),
            Err(_) => None,
        }
    }

    /// How much of the time is left, in seconds; nothing when it is over.
    #[must_use]
    pub fn remaining_seconds(&self, now: &Moment) -> Option<u64> {
        let left = self.for_seconds.min(ARMED_SECONDS_MAX).checked_sub(self.spent_seconds(now)?)?;
        (left > 0).then_some(left)
    }
}

/// The lock of a device: `device-lock.toml`. What is not there is locked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceLock {
    /// False: nothing strong is done, whatever else is written here.
    #[serde(default)]
    pub apply_enabled: bool,
    /// What is allowed whenever the device is armed.
    #[serde(default)]
    pub allow: Vec<AllowEntry>,
    /// For how long it is armed; always with an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<Armed>,
}

/// What the lock says to one thing that somebody wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may be done.
    Open,
    /// It may not.
    Refused(RefusalCode),
}

/// Decides whether this may be done on this device at this moment. The one place where that is decided.
#[must_use]
pub fn decide(lock: &DeviceLock, kind: StrongKind, argument: &str, now: &Moment) -> Decision {
    let armed =
        lock.armed.as_ref().filter(|armed| lock.apply_enabled && armed.remaining_seconds(now).is_some());
    let Some(armed) = armed else { return Decision::Refused(RefusalCode::LockedLocal) };
    if lock.allow.iter().chain(&armed.allow).any(|entry| entry.covers(kind, argument)) {
        Decision::Open
    } else {
        Decision::Refused(RefusalCode::NotAllowed)
    }
}

/// What a device tells of its lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LockSummary {
    /// For how many more seconds it is armed; absent: locked.
    #[serde(default)]
    pub remaining_seconds: Option<u64>,
    /// What it allows while it is armed, such as `restart_service:nginx`.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Why it is locked whatever its file says, such as a file that others can write.
    #[serde(default)]
    pub trouble: Option<String>,
}

impl LockSummary {
    /// Of a lock at this moment.
    #[must_use]
    pub fn of(lock: &DeviceLock, trouble: Option<String>, now: &Moment) -> Self {
        let armed = lock.armed.as_ref().filter(|_| lock.apply_enabled);
        let remaining_seconds = armed.and_then(|armed| armed.remaining_seconds(now));
        let for_now = armed.filter(|_| remaining_seconds.is_some()).map(|armed| armed.allow.as_slice());
        let mut allow: Vec<String> =
            lock.allow.iter().chain(for_now.unwrap_or_default()).map(ToString::to_string).collect();
        allow.sort();
        allow.dedup();
        Self { remaining_seconds, allow, trouble }.bounded()
    }

    /// Bounds everything an agent sent.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.remaining_seconds = self.remaining_seconds.map(|left| left.min(ARMED_SECONDS_MAX));
        self.allow.truncate(ALLOW_MAX);
        for entry in &mut self.allow {
            *entry = clip(entry, PATTERN_MAX + 40);
        }
        self.trouble = self.trouble.map(|text| clip(&text, TROUBLE_MAX)).filter(|text| !text.is_empty());
        self
    }
}

/// The lock of a device, as shown. Only somebody at the device can change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LockView {
    /// Until when it is armed, by the server's clock; absent: locked.
    pub armed_until: Option<DateTime<Utc>>,
    /// What it allows while it is armed.
    pub allow: Vec<String>,
    /// Why it is locked whatever its file says.
    pub trouble: Option<String>,
    /// When the device said so.
    pub reported_at: DateTime<Utc>,
}

impl LockView {
    /// From what a device said at this moment.
    #[must_use]
    pub fn of(summary: LockSummary, at: DateTime<Utc>) -> Self {
        let LockSummary { remaining_seconds, allow, trouble } = summary.bounded();
        let left = |seconds: u64| at + TimeDelta::seconds(i64::try_from(seconds).unwrap_or_default());
        Self { armed_until: remaining_seconds.map(left), allow, trouble, reported_at: at }
    }

    /// Is the device armed at this moment?
    #[must_use]
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.armed_until.is_some_and(|until| until > now)
    }
}

#[cfg(test)]
mod tests;
