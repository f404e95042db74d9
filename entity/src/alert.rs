//! An alert: one firing of a rule on a device, from the first breach to its end.

use crate::{
    id::{AlertId, BusinessId, DeviceId},
    page::list_query,
    platform::words,
    problem::Problem,
};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// Longest notes of a person, in characters.
pub const NOTES_MAX: usize = 1_000;

words! {
    /// Where an alert is in its life.
    AlertState {
        /// Nothing is the matter.
        Ok = "ok",
        /// The rule is broken, but not for long enough.
        Pending = "pending",
        /// It needs a person.
        Firing = "firing",
        /// Somebody looks after it.
        Acknowledged = "acknowledged",
        /// Somebody says that it is over.
        Resolved = "resolved",
        /// It was quiet for long enough.
        AutoResolved = "auto_resolved",
    }
}

words! {
    /// What moves an alert.
    AlertEvent {
        /// The rule is broken.
        Breach = "breach",
        /// It has been broken for long enough.
        Confirm = "confirm",
        /// Somebody looks after it.
        Acknowledge = "acknowledge",
        /// Somebody says that it is over.
        Resolve = "resolve",
        /// The rule holds again, and has for long enough.
        Clear = "clear",
    }
}

impl AlertState {
    /// The state that follows, or `None` when the event is refused in this state.
    #[must_use]
    pub const fn on(self, event: AlertEvent) -> Option<Self> {
        use AlertEvent::{Acknowledge, Breach, Clear, Confirm, Resolve};
        match (self, event) {
            (Self::Ok, Breach) => Some(Self::Pending),
            (Self::Pending, Confirm) => Some(Self::Firing),
            (Self::Pending, Clear) => Some(Self::Ok),
            (Self::Firing, Acknowledge) => Some(Self::Acknowledged),
            (Self::Firing | Self::Acknowledged, Resolve) => Some(Self::Resolved),
            (Self::Firing | Self::Acknowledged, Clear) => Some(Self::AutoResolved),
            _ => None,
        }
    }

    /// True while it needs a person, or has one.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Firing | Self::Acknowledged)
    }

    /// The word people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "Ok",
            Self::Pending => "Pending",
            Self::Firing => "Firing",
            Self::Acknowledged => "Acknowledged",
            Self::Resolved => "Resolved",
            Self::AutoResolved => "Resolved by itself",
        }
    }
}

words! {
    /// What a rule looks at.
    AlertKind {
        /// Many errors in the logs within a short time.
        LogBurst = "log_burst",
        /// The processors had nothing left.
        CpuHigh = "cpu_high",
        /// A service that is looked after should run and does not.
        ServiceDown = "service_down",
    }
}

impl AlertKind {
    /// The words people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::LogBurst => "Burst of errors",
            Self::CpuHigh => "Processor load",
            Self::ServiceDown => "Service",
        }
    }
}

words! {
    /// How bad it is.
    Severity {
        /// Somebody has to act.
        Critical = "critical",
        /// Somebody has to look.
        Warning = "warning",
    }
}

impl Severity {
    /// The word people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Critical => "Critical",
            Self::Warning => "Warning",
        }
    }
}

/// When a burst of errors is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LogBurst {
    /// False: nothing opens an alert.
    pub is_active: bool,
    /// So many errors.
    pub threshold: u32,
    /// Within so many seconds.
    pub window_seconds: u32,
    /// Resolved by itself after so many seconds without a burst.
    pub quiet_seconds: u32,
}

impl Default for LogBurst {
    fn default() -> Self {
        Self { is_active: true, threshold: 10, window_seconds: 60, quiet_seconds: 600 }
    }
}

impl LogBurst {
    /// Checks what a person asked for.
    ///
    /// # Errors
    /// Names the field.
    pub fn checked(self) -> Result<Self, Problem> {
        for (field, value, least, most) in [
            ("threshold", self.threshold, 1, 1_000),
            ("window_seconds", self.window_seconds, 1, 3_600),
            ("quiet_seconds", self.quiet_seconds, 10, 86_400),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Problem::invalid(field, format!("Between {least} and {most}.")));
            }
        }
        Ok(self)
    }

    /// Is there a burst among these moments? They are in milliseconds and in any order. Answers the most errors of one
    /// window, and when the last window with a burst ended.
    #[must_use]
    pub fn find(&self, mut moments: Vec<i64>) -> Option<Burst> {
        if !self.is_active {
            return None;
        }
        moments.sort_unstable();
        let window = i64::from(self.window_seconds) * 1_000;
        let mut found: Option<Burst> = None;
        let mut first = 0;
        for (index, last) in moments.iter().enumerate() {
            while moments[first] <= last - window {
                first += 1;
            }
            let errors = index + 1 - first;
            if errors >= self.threshold as usize {
                let most = found.map_or(0, |burst| burst.errors).max(errors as u64);
                found = Some(Burst { errors: most, last_at: *last });
            }
        }
        found
    }
}

/// Many errors within a short time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// The most of one window.
    pub errors: u64,
    /// When the last of them was written, in milliseconds.
    pub last_at: i64,
}

/// When a device's processors have too much to do. Built in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CpuHigh {
    /// More than this, in percent.
    pub percent: f32,
    /// In samples in a row that lie so many seconds apart at least, so that a moment's work is none. Samples come once a
    /// minute, or oftener.
    pub lasts_seconds: u32,
    /// Resolved by itself after so many seconds without it.
    pub quiet_seconds: u32,
    /// What is limited when it comes to that: the path of an endpoint.
    pub endpoint: &'static str,
    /// To so many requests a second.
    pub limit_rps: u32,
}

impl Default for CpuHigh {
    fn default() -> Self {
        Self { percent: 95.0, lasts_seconds: 45, quiet_seconds: 600, endpoint: "/api", limit_rps: 50 }
    }
}

impl CpuHigh {
    /// Is it too much among these samples, which are in order of their time? Answers the most of those in a row.
    #[must_use]
    pub fn find(&self, samples: impl IntoIterator<Item = (DateTime<Utc>, Option<f32>)>) -> Option<f32> {
        let (mut since, mut most, mut found) = (None, 0.0_f32, None::<f32>);
        for (at, load) in samples {
            match load {
                Some(percent) if percent > self.percent => {
                    let since = *since.get_or_insert(at);
                    most = most.max(percent);
                    if at - since >= Duration::seconds(self.lasts_seconds.into()) {
                        found = Some(found.map_or(most, |before| before.max(most)));
                    }
                }
                _ => (since, most) = (None, 0.0),
            }
        }
        found
    }
}

/// When a burst of errors is one, and where that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogBurstView {
    /// The rule in force.
    pub rule: LogBurst,
    /// Where it was decided.
    pub scope: crate::log_entry::SettingScope,
}

/// What is asked to set the rule.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LogBurstInput {
    /// True: what is decided further up holds here too, and the rest of this is left alone.
    #[serde(default)]
    pub inherits: bool,
    /// Open an alert for a burst.
    #[serde(default)]
    pub is_active: bool,
    /// So many errors.
    pub threshold: u32,
    /// Within so many seconds.
    pub window_seconds: u32,
    /// Resolved by itself after so many seconds without a burst.
    pub quiet_seconds: u32,
}

/// An alert as shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlertView {
    /// Names the alert.
    pub id: AlertId,
    /// Which device.
    pub device_id: DeviceId,
    /// What people call it.
    pub device_name: String,
    /// Whose device.
    pub business_id: BusinessId,
    /// The name of whose it is.
    pub business_name: String,
    /// What the rule looks at.
    pub kind: AlertKind,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is in its life.
    pub state: AlertState,
    /// What is the matter.
    pub message: String,
    /// What was measured.
    pub metric_value: Option<f64>,
    /// What it was held against.
    pub threshold_value: Option<f64>,
    /// When it began.
    pub triggered_at: DateTime<Utc>,
    /// When the rule was broken last.
    pub last_breach_at: DateTime<Utc>,
    /// Who looks after it.
    pub acknowledged_by: Option<String>,
    /// Since when.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Who said that it is over.
    pub resolved_by: Option<String>,
    /// When it ended.
    pub resolved_at: Option<DateTime<Utc>>,
    /// What they wrote.
    pub resolution_notes: Option<String>,
}

/// What is asked to resolve an alert.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResolveInput {
    /// What it was; may be empty.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Notes"))]
    #[serde(default)]
    pub notes: String,
}

list_query! {
    /// What is asked of the alerts, newest first.
    AlertQuery, {
        /// Only this business.
        business_id: BusinessId,
        /// Only this device.
        device_id: DeviceId,
        /// Only in this state.
        state: AlertState,
        /// Only this severity.
        severity: Severity,
        /// True: only those that need a person, or have one; false: only those that are over.
        open: bool,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn every_state_and_event() {
        let mut table = String::new();
        for state in AlertState::ALL {
            for event in AlertEvent::ALL {
                let next = state.on(*event).map_or("-", AlertState::word);
                writeln!(table, "{:<14} {:<12} {next}", state.word(), event.word()).expect("a string");
            }
        }
        insta::assert_snapshot!(table);
    }

    fn rule(threshold: u32) -> LogBurst {
        LogBurst { threshold, window_seconds: 60, ..LogBurst::default() }
    }

    #[test]
    fn a_burst_is_so_many_within_the_window_wherever_the_window_lies() {
        let seconds = |all: &[i64]| all.iter().map(|second| second * 1_000).collect::<Vec<_>>();
        assert_eq!(rule(3).find(seconds(&[0, 30])), None);
        assert_eq!(rule(3).find(seconds(&[0, 30, 60])), None, "the first is just out of the window");
        assert_eq!(rule(3).find(seconds(&[0, 30, 59])), Some(Burst { errors: 3, last_at: 59_000 }));
        assert_eq!(rule(3).find(seconds(&[59, 0, 30])), Some(Burst { errors: 3, last_at: 59_000 }));
        let hours = seconds(&[0, 1, 2, 3, 7_200, 7_201, 7_202, 9_000]);
        assert_eq!(rule(3).find(hours), Some(Burst { errors: 4, last_at: 7_202_000 }));
        assert_eq!(rule(1).find(vec![]), None);
        assert_eq!(LogBurst { is_active: false, ..rule(1) }.find(vec![1]), None);
    }

    #[test]
    fn processors_have_too_much_to_do_when_samples_in_a_row_say_so_for_a_while() {
        let find = |apart: i64, loads: &[Option<f32>]| {
            let at = |place: usize| {
                DateTime::UNIX_EPOCH + Duration::seconds(apart * i64::try_from(place).expect("few"))
            };
            CpuHigh::default().find(loads.iter().enumerate().map(|(place, load)| (at(place), *load)))
        };
        assert_eq!(find(60, &[Some(99.0)]), None);
        assert_eq!(find(60, &[Some(95.0); 3]), None, "more than the limit, not the limit");
        assert_eq!(find(60, &[Some(99.0), Some(20.0), Some(99.0)]), None, "not in a row");
        assert_eq!(find(60, &[Some(99.0), None, Some(99.0)]), None, "what was not measured is not too much");
        assert_eq!(find(60, &[Some(96.0), Some(99.0), Some(20.0)]), Some(99.0));
        assert_eq!(find(60, &[Some(f32::NAN); 2]), None);
        assert_eq!(find(2, &[Some(99.0); 20]), None, "a moment's work");
        assert_eq!(find(2, &[Some(99.0); 30]), Some(99.0));
    }

    #[test]
    fn rules_out_of_bounds_name_their_field() {
        let field = |rule: LogBurst| rule.checked().expect_err("refused").field;
        assert_eq!(field(rule(0)).as_deref(), Some("threshold"));
        assert_eq!(field(LogBurst { window_seconds: 3_601, ..rule(1) }).as_deref(), Some("window_seconds"));
        assert_eq!(field(LogBurst { quiet_seconds: 9, ..rule(1) }).as_deref(), Some("quiet_seconds"));
        assert!(LogBurst::default().checked().is_ok());
    }
}
