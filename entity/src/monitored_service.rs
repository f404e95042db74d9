//! A monitored service: a system service that is looked after. Rules say which, from the MSP down to one device; what
//! is in force on a device follows from them by one function.

use crate::{
    device_lock::RefusalCode,
    id::{BusinessId, DeviceId, MonitoredServiceRuleId},
    page::list_query,
    platform::{Os, words},
    problem::Problem,
    system_service::ServiceStatus,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most services that one device looks after.
pub const MONITORED_SERVICES_MAX: usize = 50;
/// Longest name of a service, in characters.
pub const SERVICE_NAME_MAX: usize = 200;
/// Restarts that an agent makes of one service within an hour, at most.
pub const RESTARTS_PER_HOUR_MAX: usize = 6;

/// Checks the name of a service: what systemd, Windows or launchd can call one, and no pattern, path or option.
///
/// # Errors
/// Names the field.
pub fn service_name(field: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Problem::invalid(field, "This is required."));
    }
    if text.chars().count() > SERVICE_NAME_MAX {
        return Err(Problem::invalid(field, format!("At most {SERVICE_NAME_MAX} characters.")));
    }
    if is_service_name(text) {
        Ok(text.to_owned())
    } else {
        let detail = "Write the name of a service, such as nginx.service or Spooler: letters, digits, spaces and \
                      : - _ . @ $ \\, beginning with a letter, a digit or an underscore.";
        Err(Problem::invalid(field, detail))
    }
}

/// Can a service be called this?
#[must_use]
pub fn is_service_name(text: &str) -> bool {
    let within = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.' | '@' | '$' | '\\' | ' ' | '(' | ')')
    };
    text.len() <= SERVICE_NAME_MAX
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && !text.ends_with(' ')
        && text.chars().all(within)
}

/// The name by which the service manager of this operating system knows it.
#[must_use]
pub fn name_on(os: Os, name: &str) -> String {
    if os == Os::Linux && !name.ends_with(".service") { format!("{name}.service") } else { name.to_owned() }
}

words! {
    /// Where a rule was made; what is nearer to the device wins.
    RuleLevel {
        /// The MSP's, for every business.
        Msp = "msp",
        /// A business's, for all of its devices.
        Business = "business",
        /// One device's own.
        Device = "device",
    }
}

impl RuleLevel {
    /// Whose rule it is.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Msp => "All businesses",
            Self::Business => "This business",
            Self::Device => "This device",
        }
    }
}

/// One service that an agent looks after, as the server sets it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MonitoredServiceSetting {
    /// Name, as the service manager knows it.
    pub service_name: String,
    /// True when it is meant to run, false when it must not.
    pub should_be_running: bool,
    /// True: an agent whose device lock allows it restarts the service when it has crashed.
    pub auto_restart: bool,
}

/// Brings a list from a server into the bounds that an agent accepts: names that can be names, each once, not too many.
#[must_use]
pub fn bounded(settings: Vec<MonitoredServiceSetting>) -> Vec<MonitoredServiceSetting> {
    let by_name: BTreeMap<String, MonitoredServiceSetting> = settings
        .into_iter()
        .filter(|setting| is_service_name(&setting.service_name))
        .take(MONITORED_SERVICES_MAX)
        .map(|setting| (setting.service_name.clone(), setting))
        .collect();
    by_name.into_values().collect()
}

words! {
    /// What a monitored service did.
    ServiceEventKind {
        /// It ran and has failed.
        Crashed = "service_crashed",
        /// It ran and was stopped.
        Stopped = "service_stopped",
        /// It did not run and was started.
        Started = "service_started",
        /// It ran, and runs anew.
        Restarted = "service_restarted",
        /// The device has no such service, or no longer.
        Missing = "service_missing",
        /// The agent would have restarted it and may not.
        RestartRefused = "service_restart_refused",
        /// The agent tried to restart it in vain.
        RestartFailed = "service_restart_failed",
        /// The agent has restarted it so often that it leaves it for now.
        RestartsExhausted = "service_restarts_exhausted",
    }
}

/// What is told with an event about a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ServiceEventData {
    /// Which service.
    pub service_name: String,
    /// Its main process before the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How its main process ended; 128 and the number of a signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Why the agent did not restart it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalCode>,
}

/// A monitored service as it is, told by the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MonitoredServiceState {
    /// Name, as in the settings.
    pub service_name: String,
    /// What it is doing; absent when the device has no such service.
    #[serde(default)]
    pub status: Option<ServiceStatus>,
    /// Main process.
    #[serde(default)]
    pub pid: Option<u32>,
    /// How its last main process ended, when it failed.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// How often it was seen to run anew since the agent looks after it, whoever restarted it.
    #[serde(default)]
    pub restart_count: u64,
    /// When it last did, by the device's clock.
    #[serde(default)]
    pub last_restart_at: Option<DateTime<Utc>>,
    /// Why the agent does not restart it now, when it would.
    #[serde(default)]
    pub refusal: Option<RefusalCode>,
}

words! {
    /// How a monitored service stands to what is wanted of it.
    ServiceCondition {
        /// As it should be.
        AsWanted = "as_wanted",
        /// It should run and has failed.
        Failed = "failed",
        /// It should run and does not.
        NotRunning = "not_running",
        /// It should run, and the device does not even have it.
        Missing = "missing",
        /// It should not run and does.
        ShouldNotRun = "should_not_run",
        /// The agent has not told yet, or cannot tell on this device.
        Unknown = "unknown",
    }
}

impl ServiceCondition {
    /// Compares what is wanted with what the agent told; `None` when it has not told, `Some(None)` when there is no
    /// such service.
    #[must_use]
    pub const fn of(should_be_running: bool, told: Option<Option<ServiceStatus>>) -> Self {
        use ServiceStatus::{Failed, Running, Starting, Stopped, Stopping};
        match (should_be_running, told) {
            (_, None) => Self::Unknown,
            (true, Some(None)) => Self::Missing,
            (true, Some(Some(Running | Starting)))
            | (false, Some(None | Some(Stopped | Stopping | Failed))) => Self::AsWanted,
            (true, Some(Some(Failed))) => Self::Failed,
            (true, Some(Some(Stopped | Stopping))) => Self::NotRunning,
            (false, Some(Some(Running | Starting))) => Self::ShouldNotRun,
        }
    }

    /// Does somebody have to look?
    #[must_use]
    pub const fn is_wrong(self) -> bool {
        matches!(self, Self::Failed | Self::NotRunning | Self::Missing | Self::ShouldNotRun)
    }

    /// The words people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::AsWanted => "As wanted",
            Self::Failed => "Has failed",
            Self::NotRunning => "Does not run",
            Self::Missing => "Missing",
            Self::ShouldNotRun => "Should not run",
            Self::Unknown => "Not told yet",
        }
    }
}

/// What decides about a rule when it is put in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Names the rule.
    pub id: MonitoredServiceRuleId,
    /// Where it was made.
    pub level: RuleLevel,
    /// Only devices with this operating system; absent: all.
    pub os_type: Option<Os>,
    /// Which service.
    pub service_name: String,
    /// False: it is not looked after, whatever a wider rule says.
    pub is_watched: bool,
    /// True when it is meant to run.
    pub should_be_running: bool,
    /// True: it is to be restarted when it has crashed.
    pub auto_restart: bool,
}

/// A rule that is in force on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The rule.
    pub rule: MonitoredServiceRuleId,
    /// Where it was made.
    pub level: RuleLevel,
    /// True when a wider rule is about the same service too.
    pub is_override: bool,
    /// What the agent is told, unless it is not looked after.
    pub setting: MonitoredServiceSetting,
    /// False: a nearer rule says that it is not looked after.
    pub is_watched: bool,
}

/// What is in force on a device with this operating system, of the rules of its business, of the MSP and of its own:
/// of each service the nearest rule. Those that say that it is not looked after are among them. By name.
#[must_use]
pub fn in_force(rules: &[Rule], os: Os) -> Vec<InForce> {
    let mut by_name: BTreeMap<String, InForce> = BTreeMap::new();
    let mut rules: Vec<&Rule> = rules.iter().filter(|rule| rule.os_type.is_none_or(|on| on == os)).collect();
    // Of one level, what is said for this operating system is nearer than what is said for all.
    rules.sort_by_key(|rule| (rule.level, rule.os_type.is_some(), rule.id));
    for rule in rules {
        let service_name = name_on(os, &rule.service_name);
        let is_override = by_name.get(&service_name).is_some_and(|wider| wider.level < rule.level);
        let setting = MonitoredServiceSetting {
            service_name: service_name.clone(),
            should_be_running: rule.should_be_running,
            auto_restart: rule.auto_restart && rule.should_be_running,
        };
        let found =
            InForce { rule: rule.id, level: rule.level, is_override, setting, is_watched: rule.is_watched };
        by_name.insert(service_name, found);
    }
    by_name.into_values().collect()
}

/// What an agent is told of what is in force.
#[must_use]
pub fn settings(in_force: &[InForce]) -> Vec<MonitoredServiceSetting> {
    in_force
        .iter()
        .filter(|found| found.is_watched)
        .take(MONITORED_SERVICES_MAX)
        .map(|found| found.setting.clone())
        .collect()
}

/// A monitored service of a device, as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MonitoredServiceView {
    /// Name, as the service manager of the device knows it.
    pub service_name: String,
    /// The rule that is in force.
    pub rule_id: MonitoredServiceRuleId,
    /// Where that rule was made.
    pub level: RuleLevel,
    /// True when the device's own rule stands in for a wider one.
    pub is_override: bool,
    /// False: the device's own rule says that it is not looked after.
    pub is_watched: bool,
    /// True when it is meant to run.
    pub should_be_running: bool,
    /// True: it is to be restarted when it has crashed, as far as the device lock allows it.
    pub auto_restart: bool,
    /// How it stands to what is wanted.
    pub condition: ServiceCondition,
    /// What it is doing; absent when the device has no such service or nothing was told.
    pub status: Option<ServiceStatus>,
    /// Main process.
    pub pid: Option<u32>,
    /// How its last main process ended, when it failed.
    pub exit_code: Option<i32>,
    /// How often it was seen to run anew since it is looked after.
    pub restart_count: u64,
    /// When it last did.
    pub last_restart_at: Option<DateTime<Utc>>,
    /// Why the agent does not restart it now, when it would.
    pub refusal: Option<RefusalCode>,
    /// When the agent last told of it.
    pub last_checked_at: Option<DateTime<Utc>>,
    /// When its status last changed.
    pub last_state_change_at: Option<DateTime<Utc>>,
}

/// The monitored services of one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MonitoredServicesView {
    /// True when the agent of this device can look after services.
    pub can_watch: bool,
    /// What is wrong first, then by name.
    pub items: Vec<MonitoredServiceView>,
}

/// A rule, as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MonitoredServiceRuleView {
    /// Names the rule.
    pub id: MonitoredServiceRuleId,
    /// Which service.
    pub service_name: String,
    /// Where it was made.
    pub level: RuleLevel,
    /// Whose devices; absent for every business.
    pub business_id: Option<BusinessId>,
    /// The name of that business.
    pub business_name: Option<String>,
    /// Which device, when it is for one alone.
    pub device_id: Option<DeviceId>,
    /// The name of that device.
    pub device_name: Option<String>,
    /// Only devices with this operating system; absent: all.
    pub os_type: Option<Os>,
    /// False: it is not looked after, whatever a wider rule says.
    pub is_watched: bool,
    /// True when it is meant to run.
    pub should_be_running: bool,
    /// True: it is to be restarted when it has crashed, as far as the device lock allows it.
    pub auto_restart: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

/// What is asked to look after a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MonitoredServiceRuleInput {
    /// Which service, such as `nginx.service`.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ServiceName", example = &"nginx.service"))]
    pub service_name: String,
    /// Only on this device.
    #[serde(default)]
    pub device_id: Option<DeviceId>,
    /// On the devices of this business; absent, without a device: of every business.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// Only on devices with this operating system.
    #[serde(default)]
    pub os_type: Option<Os>,
    /// False: it is not looked after, whatever a wider rule says.
    #[serde(default = "yes")]
    pub is_watched: bool,
    /// True when it is meant to run.
    #[serde(default = "yes")]
    pub should_be_running: bool,
    /// True: it is to be restarted when it has crashed.
    #[serde(default)]
    pub auto_restart: bool,
}

/// What is asked to change a rule.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MonitoredServiceRuleChange {
    /// False: it is not looked after, whatever a wider rule says.
    #[serde(default = "yes")]
    pub is_watched: bool,
    /// True when it is meant to run.
    #[serde(default = "yes")]
    pub should_be_running: bool,
    /// True: it is to be restarted when it has crashed.
    #[serde(default)]
    pub auto_restart: bool,
}

const fn yes() -> bool {
    true
}

list_query! {
    /// What is asked of the list of rules, by the name of the service.
    MonitoredServiceRuleQuery, {
        /// Only rules of this business, and of its devices.
        business_id: BusinessId,
        /// Only rules of this device.
        device_id: DeviceId,
        /// Only rules that were made there.
        level: RuleLevel,
    }
}

#[cfg(test)]
mod tests;
