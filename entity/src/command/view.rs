//! Commands and requests as people see and ask for them.

use super::{
    ApprovalDecision, Approver, CommandKind, CommandState, Door, LockState, OnOffline, Payload, Priority,
    RequestState, Strength,
};
use crate::{
    id::{ApprovalPolicyId, BusinessId, CommandId, CommandRequestId, DeviceId, ServiceLocationId, UserId},
    platform::Os,
    presence::Presence,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Most devices of one request.
pub const TARGETS_MAX: usize = 10_000;

/// What is asked to make a command for one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CommandInput {
    /// What will run.
    pub payload: Payload,
    /// Seconds that it may run; [`super::TIMEOUT_SECONDS_DEFAULT`] when absent.
    #[serde(default)]
    pub timeout_seconds: Option<u32>,
    /// Seconds for which it may wait for people and for the device; a day where people decide, else an hour.
    #[serde(default)]
    pub deliver_within_seconds: Option<u32>,
    /// What becomes of it when the device is not there; it waits when absent.
    #[serde(default)]
    pub on_offline: Option<OnOffline>,
    /// Which of a device's commands goes first; normal when absent.
    #[serde(default)]
    pub priority: Option<Priority>,
    /// Why; those who decide read it.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What is asked to make a command for many devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CommandsInput {
    /// These devices; at most [`TARGETS_MAX`].
    #[serde(default)]
    pub targets: Vec<DeviceId>,
    /// And all devices that are like this.
    #[serde(default)]
    pub filter: Option<TargetFilter>,
    /// What, until when and why.
    pub command: CommandInput,
}

/// What a request is changed to, while no device has got it: all of it anew. Every yes to what it was is void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RequestEdit {
    /// SHA-256 of the request that was read, hex: what somebody else changed meanwhile is not changed unread.
    pub request_sha256: String,
    /// These devices, of the same business; as before when there are none here and no filter.
    #[serde(default)]
    pub targets: Vec<DeviceId>,
    /// And all devices that are like this.
    #[serde(default)]
    pub filter: Option<TargetFilter>,
    /// What, until when and why. The kind is the one that was asked.
    pub command: CommandInput,
}

/// Devices by what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TargetFilter {
    /// Of this business.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// At this service location.
    #[serde(default)]
    pub service_location_id: Option<ServiceLocationId>,
    /// With this operating system.
    #[serde(default)]
    pub os: Option<Os>,
    /// In this presence.
    #[serde(default)]
    pub status: Option<Presence>,
}

/// Both locks before one asks, for the devices of one business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequestPreview {
    /// Whose devices.
    pub business_id: BusinessId,
    /// The name of whose devices.
    pub business_name: String,
    /// A sentence that says what will happen.
    pub sentence: String,
    /// How strong it is; what is for many devices is strong.
    pub strength: Strength,
    /// How many devices.
    pub targets_count: u64,
    /// How many of them would do it, as far as they have told.
    pub allowing_count: u64,
    /// How many of them are there now.
    pub online_count: u64,
    /// How many people have to say yes.
    pub approvals_needed: u32,
    /// Of these.
    pub approver: Approver,
    /// In how many waves it goes out.
    pub waves: u64,
    /// Are strong commands stopped for this business now?
    pub is_stopped: bool,
    /// The first of the devices, with their locks.
    pub targets: Vec<TargetPreview>,
}

/// One device of a [`RequestPreview`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TargetPreview {
    /// Names the device.
    pub device_id: DeviceId,
    /// What people call it.
    pub device_name: String,
    /// Whether it can be reached.
    pub presence: Presence,
    /// Both locks.
    pub lock: LockState,
}

/// A command as a row of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CommandRow {
    /// Names the command.
    pub id: CommandId,
    /// What people decided.
    pub request_id: CommandRequestId,
    /// Whose device.
    pub business_id: BusinessId,
    /// The name of whose device.
    pub business_name: String,
    /// For which device.
    pub device_id: DeviceId,
    /// What people call it.
    pub device_name: String,
    /// What is asked.
    pub kind: CommandKind,
    /// A sentence that says what will happen.
    pub sentence: String,
    /// Where it is in its life.
    pub state: CommandState,
    /// Who asked, by name.
    pub requested_by: String,
    /// Which of the device's commands goes first.
    pub priority: Priority,
    /// In which wave it goes out, from 1.
    pub wave: u64,
    /// Nobody hands it to the device after this.
    pub deliver_by: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last handed to the device.
    pub sent_at: Option<DateTime<Utc>>,
    /// When the device began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Somebody asked the device not to begin it any more.
    pub is_cancel_asked: bool,
    /// Why the device would not.
    pub refusal: Option<super::Refusal>,
    /// What the process ended with.
    pub exit_code: Option<i64>,
    /// A sentence about how it ended.
    pub detail: String,
    /// The result came after its time.
    pub is_late: bool,
}

/// A command with all that its page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CommandDetail {
    /// As in the list.
    pub command: CommandRow,
    /// What people decided.
    pub request: RequestRow,
    /// Who said what about it.
    pub approvals: Vec<ApprovalView>,
    /// What it wrote; text of a program, which may hold control characters.
    pub output: Option<String>,
    /// How many bytes it wrote in all.
    pub output_bytes: u64,
    /// When the device said that it has it.
    pub received_at: Option<DateTime<Utc>>,
    /// SHA-256 of what was signed for the device, hex.
    pub order_sha256: Option<String>,
    /// Both locks as they were when it was asked.
    pub lock_at_creation: Option<LockState>,
    /// Both locks as they are now.
    pub lock: LockState,
}

/// A request as a row of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequestRow {
    /// Names it.
    pub id: CommandRequestId,
    /// Whose devices.
    pub business_id: BusinessId,
    /// The name of whose devices.
    pub business_name: String,
    /// What people have decided.
    pub state: RequestState,
    /// What is asked.
    pub kind: CommandKind,
    /// How strong it is; what is for many devices is strong.
    pub strength: Strength,
    /// Exactly what will run.
    pub payload: Payload,
    /// A sentence that says what will happen.
    pub sentence: String,
    /// How many devices.
    pub targets_count: u64,
    /// The name of the device, where it is one.
    pub device_name: Option<String>,
    /// SHA-256 over the devices' ids, hex.
    pub targets_sha256: String,
    /// SHA-256 of what people approve, hex.
    pub request_sha256: String,
    /// Seconds that it may run.
    pub timeout_seconds: u32,
    /// Nobody hands it to a device after this.
    pub deliver_by: DateTime<Utc>,
    /// Nobody decides after this.
    pub decide_by: DateTime<Utc>,
    /// What becomes of devices that are not there.
    pub on_offline: OnOffline,
    /// Which of a device's commands goes first.
    pub priority: Priority,
    /// Why, in the words of who asks.
    pub reason: Option<String>,
    /// Who asks.
    pub requested_by: UserId,
    /// Who asks, by name.
    pub requested_by_name: String,
    /// By which way it came to be.
    pub door: Door,
    /// How many people have to say yes.
    pub approvals_needed: u32,
    /// Of these.
    pub approver: Approver,
    /// The policy that held; absent: what holds where nobody has written one.
    pub policy_id: Option<ApprovalPolicyId>,
    /// Why fewer than usual decided, when they did.
    pub break_glass_reason: Option<String>,
    /// When that was.
    pub break_glass_at: Option<DateTime<Utc>>,
    /// When somebody looked at it afterwards.
    pub reviewed_at: Option<DateTime<Utc>>,
    /// The last wave that may go out, from 1; 0 before it was decided.
    pub wave: u64,
    /// How many waves there are.
    pub waves: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When people had decided.
    pub decided_at: Option<DateTime<Utc>>,
}

/// A request with all that its page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequestDetail {
    /// As in the list.
    pub request: RequestRow,
    /// Who said what about it.
    pub approvals: Vec<ApprovalView>,
    /// How many of its devices within reach are in which state.
    pub counts: Vec<StateCount>,
    /// Too many devices failed: no further wave goes out.
    pub is_held: bool,
    /// The first of its devices within reach; the others by the list of commands.
    pub commands: Vec<CommandRow>,
}

/// How many commands are in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StateCount {
    /// The state.
    pub state: CommandState,
    /// How many.
    pub count: u64,
}

/// What one person said about a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApprovalView {
    /// Who.
    pub user_id: UserId,
    /// Their name at that time.
    pub user_name: String,
    /// What.
    pub decision: ApprovalDecision,
    /// In their words.
    pub note: Option<String>,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// When it was taken back, if it was.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What is asked of the list of commands, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CommandQuery {
    /// Only of this business.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// Only for this device.
    #[serde(default)]
    pub device_id: Option<DeviceId>,
    /// Only of this request.
    #[serde(default)]
    pub request_id: Option<CommandRequestId>,
    /// Only in this state.
    #[serde(default)]
    pub state: Option<CommandState>,
    /// Only of this kind.
    #[serde(default)]
    pub kind: Option<CommandKind>,
    /// True: only those of which more is expected; false: only the others.
    #[serde(default)]
    pub open: Option<bool>,
    /// From [`crate::page::Page::next_cursor`].
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Cursor>"))]
    pub cursor: Option<String>,
    /// Rows; [`crate::page::PAGE_SIZE`] when absent.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::PageLimit>"))]
    pub limit: Option<u32>,
}

/// What is asked of the list of requests, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RequestQuery {
    /// Only of this business.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// Only in this state.
    #[serde(default)]
    pub state: Option<RequestState>,
    /// Only of this kind.
    #[serde(default)]
    pub kind: Option<CommandKind>,
    /// True: only those that one person let pass in an emergency and nobody has looked at since.
    #[serde(default)]
    pub unreviewed: bool,
    /// From [`crate::page::Page::next_cursor`].
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Cursor>"))]
    pub cursor: Option<String>,
    /// Rows; [`crate::page::PAGE_SIZE`] when absent.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::PageLimit>"))]
    pub limit: Option<u32>,
}
