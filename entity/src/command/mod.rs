//! A command: something that a person asks a device to do. Kinds with typed payloads, the request that people approve,
//! the order that a device gets and can check, and what comes back.

mod approval;
mod chain;
mod kind;
mod lock;
mod order;
mod result;
mod state;
#[cfg(test)]
mod tests;
mod view;

pub use approval::{
    APPROVALS_MAX, ApprovalDecision, ApprovalPolicy, ApprovalRule, Approver, BREAK_GLASS_SECONDS,
    DECIDE_SECONDS_DEFAULT, Door, LockState, NotYet, PendingApproval, REARM_APPROVALS_DEFAULT, Verdict,
    approvals_needed, is_mass, verdict,
};
pub use chain::{CHAIN_HEAD_DOMAIN, ChainEntry, ChainEvent, ChainHead, chain_head_message};
pub use kind::{CommandKind, Mode, Payload, Shell, Strength};
pub use order::{
    ApprovalNote, BreakGlass, Envelope, KeyGrant, OnOffline, Order, Priority, Request, Signature, StopOrder,
};
pub use result::{CommandProgress, CommandReceipt, CommandResult, Refusal, ResultStatus};
pub use state::{CommandEvent, CommandState, RequestState};
pub use view::{
    ApprovalView, CommandDetail, CommandInput, CommandQuery, CommandRow, CommandsInput, RequestDetail,
    RequestEdit, RequestPreview, RequestQuery, RequestRow, StateCount, TARGETS_MAX, TargetFilter,
    TargetPreview,
};

/// Longest script that a command carries, in bytes.
pub const SCRIPT_BYTES_MAX: usize = 64 * 1024;
/// Most output that is kept of a command, in bytes; what comes after it is counted and left out.
pub const OUTPUT_BYTES_MAX: usize = 1024 * 1024;
/// Most output of one message over a socket, in bytes.
pub const PROGRESS_BYTES_MAX: usize = 8 * 1024;
/// Longest reason, message or other text of a person, in characters.
pub const REASON_MAX: usize = 1_000;
/// Longest name of a service, a process or a program, in characters.
pub const NAME_MAX: usize = 200;
/// Most parameters of a script, and their longest text, in characters.
pub const PARAMETERS_MAX: usize = 32;
/// Longest text of one parameter, in characters.
pub const PARAMETER_MAX: usize = 1_000;
/// Seconds that a command may run when nobody says otherwise.
pub const TIMEOUT_SECONDS_DEFAULT: u32 = 60;
/// Seconds that a command may run at most.
pub const TIMEOUT_SECONDS_MAX: u32 = 24 * 60 * 60;
/// Seconds that an order is valid when nobody says otherwise: an hour.
pub const ORDER_SECONDS_DEFAULT: u32 = 60 * 60;
/// Seconds that an order is valid at most: a day.
pub const ORDER_SECONDS_MAX: u32 = 24 * 60 * 60;
/// A request for more devices than this is strong and goes out in waves.
pub const MASS_DEVICES: usize = 25;
/// The same, in percent of the business's devices.
pub const MASS_PERCENT: usize = 10;
