//! The evidence of one command: everything that somebody outside needs to see who asked for what, who said yes, what the
//! device got and what it did, in one file that can be checked with public keys alone.

use crate::{
    audit::ActorKind,
    command::{
        ApprovalDecision, ApprovalPolicy, Approver, ChainEntry, ChainHead, CommandReceipt, CommandResult,
        CommandState, Door, Envelope, LockState, Priority, Request,
    },
    id::{ApprovalId, AuditEntryId, BusinessId, CommandId, DeviceId, UserId},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What the first field of every bundle says.
pub const EVIDENCE_FORMAT: &str = "reeve.evidence.v1";

/// The file: the bundle, and a seal over its bytes as they stand in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EvidenceFile {
    /// What it is about.
    pub bundle: EvidenceBundle,
    /// An envelope around [`EvidenceSeal`].
    pub seal: Envelope,
}

/// What the server signs of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EvidenceSeal {
    /// Which command.
    pub command_id: CommandId,
    /// When.
    pub made_at: DateTime<Utc>,
    /// SHA-256 of the bundle's bytes in the file, hex.
    pub bundle_sha256: String,
}

/// Everything about one command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidenceBundle {
    /// [`EVIDENCE_FORMAT`].
    pub format: String,
    /// When it was put together.
    pub made_at: DateTime<Utc>,
    /// The address of the server.
    pub server: String,
    /// The root's public key, base64, as the server knows it. To be compared with what is known from elsewhere.
    pub command_root: String,
    /// What people approved.
    pub request: Request,
    /// Its digest.
    pub request_sha256: String,
    /// By which way it came to be.
    pub door: Door,
    /// Its priority.
    pub priority: Priority,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// Every device that it was asked for.
    pub targets: Vec<DeviceId>,
    /// What had to be decided, and by whom.
    pub decision: EvidenceDecision,
    /// The device.
    pub device: EvidenceDevice,
    /// What came of it there.
    pub command: EvidenceCommand,
    /// The device's own record around it.
    pub chain: EvidenceChain,
    /// The server's audit log about it.
    pub audit: EvidenceAudit,
}

/// What had to be decided, and what was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidenceDecision {
    /// The revision of the policy that applied; absent where nobody had written one.
    pub policy: Option<ApprovalPolicy>,
    /// Its number.
    pub policy_revision: Option<u64>,
    /// How many people had to say yes.
    pub approvals_needed: u32,
    /// Who they had to be.
    pub approver: Approver,
    /// What people said, also what was taken back.
    pub approvals: Vec<EvidenceApproval>,
    /// Why fewer than usual decided, when they did.
    pub break_glass_reason: Option<String>,
    /// When that was.
    pub break_glass_at: Option<DateTime<Utc>>,
}

/// What one person said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidenceApproval {
    /// Names it.
    pub id: ApprovalId,
    /// Who.
    pub user_id: UserId,
    /// Their name at that time.
    pub user_name: String,
    /// What they said.
    pub decision: ApprovalDecision,
    /// Digest of what they said it to.
    pub request_sha256: String,
    /// What they wrote.
    pub note: Option<String>,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidenceDevice {
    /// Names it.
    pub id: DeviceId,
    /// What people call it.
    pub device_name: String,
    /// Whose it was when the command was made.
    pub business_id: BusinessId,
    /// The name of whose it was.
    pub business_name: String,
    /// Its public key, base64url without padding: to be compared with `reeve-agent status`.
    pub public_key: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidenceCommand {
    /// Names it.
    pub id: CommandId,
    /// Where it is in its life.
    pub state: CommandState,
    /// When it was handed out.
    pub sent_at: Option<DateTime<Utc>>,
    /// True: its result came after its time.
    pub is_late: bool,
    /// What both locks looked like when it was asked for.
    pub locks: Option<LockState>,
    /// What the device got.
    pub order: Option<Envelope>,
    /// SHA-256 of the bytes that were signed, hex.
    pub order_sha256: Option<String>,
    /// That the device has it.
    pub receipt: Option<CommandReceipt>,
    /// How it ended.
    pub result: Option<CommandResult>,
}

/// The device's own record around a command: from a checkpoint on, without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidenceChain {
    /// Which of the device's records, when it told more than one: they are counted from 0.
    pub fork: u64,
    /// Where it begins: the last entry before those that follow; 0 and 64 zeros for the beginning.
    pub from: ChainHead,
    /// The entries.
    pub entries: Vec<ChainEntry>,
    /// Where the device said that its record ends, with its signature.
    pub to: Option<ChainHead>,
    /// What did not fit, when something did not.
    pub fault: Option<String>,
}

/// How far a device's own record has come here, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordView {
    /// The number of the last entry; 0: none yet.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
    /// When the device told of it.
    pub told_at: Option<DateTime<Utc>>,
    /// True: the device has signed that its record ends there.
    pub is_signed: bool,
    /// What does not fit, until somebody has seen it.
    pub fault: Option<String>,
    /// Since when.
    pub fault_at: Option<DateTime<Utc>>,
}

/// One entry of a device's own record, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordEntryView {
    /// As the device told it.
    pub entry: ChainEntry,
    /// When it came here.
    pub received_at: DateTime<Utc>,
    /// True: of a record that the device told before it told another one.
    pub is_former: bool,
}

/// What is asked of the entries of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RecordQuery {
    /// From [`crate::page::Page::next_cursor`].
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Cursor>"))]
    pub cursor: Option<String>,
    /// Rows; [`crate::page::PAGE_SIZE`] when absent.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::PageLimit>"))]
    pub limit: Option<u32>,
}

/// The server's audit log about a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidenceAudit {
    /// The place of the newest entry when the bundle was made.
    pub head_seq: i64,
    /// Its hash: `reeve verify --expect-head` tells whether the log has it still.
    pub head_hash: String,
    /// The entries about the command, each with its hash and the hash of the entry before it.
    pub entries: Vec<EvidenceAuditEntry>,
}

/// One entry of the audit log, as it is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the audit log")]
pub struct EvidenceAuditEntry {
    pub seq: i64,
    pub id: AuditEntryId,
    pub at: DateTime<Utc>,
    pub actor_kind: ActorKind,
    pub actor_id: Option<UserId>,
    pub actor_name: String,
    pub source_ip: String,
    pub request_id: Option<String>,
    pub business_id: Option<BusinessId>,
    pub device_id: Option<DeviceId>,
    pub action: String,
    pub summary: String,
    pub before_json: Option<String>,
    pub after_json: Option<String>,
    pub previous_hash: String,
    pub hash: String,
}
