//! Where a command is in its life.

use crate::platform::words;
use serde::{Deserialize, Serialize};

words! {
    /// Where a command for one device is in its life.
    CommandState {
        /// It waits for people.
        AwaitingApproval = "awaiting_approval",
        /// It waits for the device.
        Pending = "pending",
        /// It was handed to the device, which has not said that it began.
        Sent = "sent",
        /// The device has begun.
        Executing = "executing",
        /// It was done.
        Completed = "completed",
        /// It was tried and did not succeed.
        Failed = "failed",
        /// It took too long and was ended.
        TimedOut = "timed_out",
        /// People said no.
        Rejected = "rejected",
        /// Nobody decided, or the device did not come, in time.
        Expired = "expired",
        /// Taken back before the device got it.
        Cancelled = "cancelled",
        /// The device would not.
        Refused = "refused",
        /// The device died while it did it; what came of it is not known, and it is not done again.
        Interrupted = "interrupted",
    }
}

words! {
    /// What moves a command.
    CommandEvent {
        /// Enough people said yes.
        Approve = "approve",
        /// Somebody said no.
        Reject = "reject",
        /// An approval was taken back, or what was approved was changed.
        Void = "void",
        /// Taken back by people.
        Cancel = "cancel",
        /// Its time is over.
        Expire = "expire",
        /// Handed to the device.
        Send = "send",
        /// The link ended before the device said that it has it.
        Return = "return",
        /// The device has begun.
        Start = "start",
        /// The device says that it is done.
        Complete = "complete",
        /// The device says that it did not succeed.
        Fail = "fail",
        /// The device says that it took too long.
        TimeOut = "time_out",
        /// The device says that it would not.
        Refuse = "refuse",
        /// The device says that it died meanwhile.
        Interrupt = "interrupt",
    }
}

words! {
    /// What people have decided about a request.
    RequestState {
        /// Nothing yet.
        Awaiting = "awaiting",
        /// Enough of them said yes, or it takes nobody.
        Approved = "approved",
        /// Somebody said no.
        Rejected = "rejected",
        /// Nobody decided in time.
        Expired = "expired",
        /// Taken back as a whole.
        Cancelled = "cancelled",
    }
}

impl RequestState {
    /// The state that follows, or `None` when the event is refused in this state.
    #[must_use]
    pub const fn on(self, event: CommandEvent) -> Option<Self> {
        use CommandEvent as E;
        match (self, event) {
            (Self::Awaiting, E::Approve) => Some(Self::Approved),
            (Self::Awaiting, E::Reject) => Some(Self::Rejected),
            (Self::Awaiting, E::Expire) => Some(Self::Expired),
            (Self::Awaiting | Self::Approved, E::Cancel) => Some(Self::Cancelled),
            // As long as a device waits for it.
            (Self::Approved, E::Void) => Some(Self::Awaiting),
            _ => None,
        }
    }

    /// The words people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Awaiting => "Awaiting approval",
            Self::Approved => "Approved",
            Self::Rejected => "Rejected",
            Self::Expired => "Expired",
            Self::Cancelled => "Cancelled",
        }
    }
}

impl CommandState {
    /// The state that follows, or `None` when the event is refused in this state.
    #[must_use]
    pub const fn on(self, event: CommandEvent) -> Option<Self> {
        use CommandEvent as E;
        match (self, event) {
            (Self::AwaitingApproval, E::Approve) | (Self::Sent, E::Return) => Some(Self::Pending),
            (Self::AwaitingApproval, E::Reject) => Some(Self::Rejected),
            (Self::Pending, E::Void) => Some(Self::AwaitingApproval),
            // What was sent is cancelled when the device says that it will not begin it.
            (Self::AwaitingApproval | Self::Pending | Self::Sent, E::Cancel) => Some(Self::Cancelled),
            // What was sent and never answered for ends too, and a late result still counts.
            (Self::AwaitingApproval | Self::Pending | Self::Sent, E::Expire) => Some(Self::Expired),
            (Self::Pending, E::Send) => Some(Self::Sent),
            (Self::Sent | Self::Pending, E::Start) => Some(Self::Executing),
            (Self::Pending | Self::Sent | Self::Executing | Self::Expired, E::Complete) => {
                Some(Self::Completed)
            }
            (Self::Pending | Self::Sent | Self::Executing | Self::Expired, E::Fail) => Some(Self::Failed),
            (Self::Pending | Self::Sent | Self::Executing | Self::Expired, E::TimeOut) => {
                Some(Self::TimedOut)
            }
            (Self::Pending | Self::Sent | Self::Executing | Self::Expired, E::Refuse) => Some(Self::Refused),
            (Self::Pending | Self::Sent | Self::Executing | Self::Expired, E::Interrupt) => {
                Some(Self::Interrupted)
            }
            _ => None,
        }
    }

    /// True when nothing more is expected of it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::AwaitingApproval | Self::Pending | Self::Sent | Self::Executing)
    }

    /// The words people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "Awaiting approval",
            Self::Pending => "Pending",
            Self::Sent => "Sent",
            Self::Executing => "Executing",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::TimedOut => "Timed out",
            Self::Rejected => "Rejected",
            Self::Expired => "Expired",
            Self::Cancelled => "Cancelled",
            Self::Refused => "Refused by the device",
            Self::Interrupted => "Interrupted",
        }
    }
}
