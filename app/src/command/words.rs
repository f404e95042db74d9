//! Commands in words and marks: what each kind does, what it risks, and where a command is.

use crate::ui::{Keyhole, Keyholes, Status, StatusKind};
use entity::command::{
    Approver, CommandKind, CommandRow, CommandState, Refusal, RequestState, Shell, Strength,
};
use leptos::prelude::*;

/// What a kind does, in a sentence.
pub(crate) const fn about(kind: CommandKind) -> &'static str {
    match kind {
        CommandKind::SetMode => {
            "Safe mode makes the agent refuse every strong command; normal mode ends that."
        }
        CommandKind::NotifyOps => "Writes a message into the logs of the device and of this server.",
        CommandKind::PatchScan => "Looks for patches now instead of at the next turn.",
        CommandKind::CollectInventory => {
            "Looks at services, software and facts now instead of at the next turn."
        }
        CommandKind::SetRateLimit => "Limits how many requests a second an endpoint of the device takes.",
        CommandKind::RestartService => "Stops a system service and starts it again.",
        CommandKind::RestartProcess => "Ends a process and starts it again as it was started.",
        CommandKind::StopProcess => "Ends a process.",
        CommandKind::RunScript => "Runs a script of the library, or one that you write here.",
        CommandKind::InstallPatches => "Installs patches that were found.",
        CommandKind::RollbackPatches => "Takes installed patches back.",
        CommandKind::Rollback => "Goes back to the version before of a program.",
        CommandKind::UpdateAgent => "Puts another version of the agent in place.",
        CommandKind::Reboot => "Restarts the whole machine.",
    }
}

/// What can go wrong, in a sentence.
pub(crate) const fn risk(kind: CommandKind) -> &'static str {
    match kind {
        CommandKind::SetMode | CommandKind::NotifyOps => {
            "It changes nothing that people on the device work with."
        }
        CommandKind::PatchScan | CommandKind::CollectInventory => {
            "It only looks; the device is a little busier for a moment."
        }
        CommandKind::SetRateLimit => "Too low a limit turns real requests away until it is taken away again.",
        CommandKind::RestartService => {
            "Whoever uses the service is cut off for a moment; it may not come back."
        }
        CommandKind::RestartProcess => "What the process had not saved is lost; it may not come back.",
        CommandKind::StopProcess => {
            "What the process had not saved is lost, and it does not come back by itself."
        }
        CommandKind::RunScript => "A script can do whatever the agent can: read it before you ask.",
        CommandKind::InstallPatches => {
            "Programs may be restarted, and some patches want a restart of the machine."
        }
        CommandKind::RollbackPatches => "What a patch had closed is open again.",
        CommandKind::Rollback => "Data that the newer version wrote may not be readable by the older one.",
        CommandKind::UpdateAgent => "The device cannot be reached while the agent is exchanged.",
        CommandKind::Reboot => "Everybody on the machine loses what they have not saved.",
    }
}

/// The word on how strong it is, with what that means when the pointer rests on it.
#[component]
pub(crate) fn StrengthMark(strength: Strength) -> impl IntoView {
    let (kind, title) = match strength {
        Strength::Safe => (StatusKind::Off, "It can do no harm"),
        Strength::Moderate => (StatusKind::Info, "What it changes is undone by another command"),
        Strength::Strong => (StatusKind::Warn, "It needs both locks"),
    };
    view! { <Status kind word=strength.label() title/> }
}

/// What a state means for a person.
pub(crate) const fn meaning(state: CommandState) -> StatusKind {
    match state {
        CommandState::AwaitingApproval => StatusKind::Warn,
        CommandState::Pending | CommandState::Sent | CommandState::Executing => StatusKind::Info,
        CommandState::Completed => StatusKind::Ok,
        CommandState::Failed | CommandState::TimedOut | CommandState::Refused | CommandState::Interrupted => {
            StatusKind::Bad
        }
        CommandState::Rejected | CommandState::Expired | CommandState::Cancelled => StatusKind::Off,
    }
}

/// Where a command is.
#[component]
pub(crate) fn StateMark(state: CommandState) -> impl IntoView {
    view! { <Status kind=meaning(state) word=state.label()/> }
}

/// What people have decided.
#[component]
pub(crate) fn RequestMark(state: RequestState) -> impl IntoView {
    let kind = match state {
        RequestState::Awaiting => StatusKind::Warn,
        RequestState::Approved => StatusKind::Ok,
        RequestState::Rejected | RequestState::Expired | RequestState::Cancelled => StatusKind::Off,
    };
    view! { <Status kind word=state.label()/> }
}

/// Both locks of a command, as far as its state tells.
#[component]
pub(crate) fn CommandLocks(command: CommandRow) -> impl IntoView {
    let (left, right) = locks(command.kind, command.state, command.started_at.is_some(), command.refusal);
    view! { <Keyholes left right/> }
}

fn locks(
    kind: CommandKind,
    state: CommandState,
    has_begun: bool,
    refusal: Option<Refusal>,
) -> (Keyhole, Keyhole) {
    let is_decided = !matches!(state, CommandState::AwaitingApproval | CommandState::Rejected);
    let left = match (is_decided, kind.strength()) {
        (false, _) => Keyhole::Closed,
        (true, Strength::Strong) => Keyhole::Open,
        (true, _) => Keyhole::NotNeeded,
    };
    let is_shut = matches!(
        refusal,
        Some(Refusal::LockedLocal | Refusal::NotAllowed | Refusal::SafeMode | Refusal::Stopped)
    );
    let right = match kind.strong_kind() {
        None => Keyhole::NotNeeded,
        Some(_) if has_begun && !is_shut => Keyhole::Open,
        Some(_) => Keyhole::Closed,
    };
    (left, right)
}

/// What it takes on the server, in a sentence.
pub(crate) fn needed(approvals: u32, approver: Approver) -> String {
    let people = match approvals {
        0 => return "Nobody has to approve it.".to_owned(),
        1 => "Needs 1 approval".to_owned(),
        number => format!("Needs {number} approvals"),
    };
    let whom = match (approver, approvals) {
        (Approver::Anyone, 1) => "of somebody else",
        (Approver::Anyone, _) => "of other people",
        (Approver::Business, _) => "of people of the business itself",
        (Approver::Both, _) => "with at least one of the provider and one of the business",
    };
    format!("{people} {whom}.")
}

/// The words on what reads a script.
pub(crate) const fn shell_label(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => "Bash",
        Shell::Sh => "sh, the system's own shell",
        Shell::Python => "Python 3",
        Shell::Powershell => "PowerShell",
    }
}

/// What a state means for this command, in a sentence.
pub(crate) fn outlook(command: &CommandRow) -> String {
    let sentence = match command.state {
        CommandState::AwaitingApproval => "It waits for people to decide.",
        CommandState::Pending => "It waits for the device.",
        CommandState::Sent if command.is_cancel_asked => "The device was asked not to begin it any more.",
        CommandState::Sent => "It was handed to the device, which has not said that it began.",
        CommandState::Executing => "The device is at it.",
        CommandState::Completed if command.is_late => {
            "It is done; the device said so after its time was over."
        }
        CommandState::Completed => "It is done.",
        CommandState::Failed => "It was tried and did not succeed.",
        CommandState::TimedOut => "It took too long and was ended, with all that it had started.",
        CommandState::Rejected => "People said no; nothing was done.",
        CommandState::Expired => {
            "Its time was over before it began; nothing was done as far as the device has told."
        }
        CommandState::Cancelled => "It was taken back; nothing was done.",
        CommandState::Refused => {
            return command.refusal.map_or_else(
                || "The device would not do it; nothing was done.".to_owned(),
                |refusal| format!("Nothing was done: {} ({}).", refusal.sentence(), refusal.word()),
            );
        }
        CommandState::Interrupted => {
            "The agent ended while it was at it. What came of it is not known, and it is not done again by itself."
        }
    };
    sentence.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_open_keyholes_mean_that_something_happened() {
        let strong = CommandKind::RestartService;
        let waiting = locks(strong, CommandState::AwaitingApproval, false, None);
        assert_eq!(waiting, (Keyhole::Closed, Keyhole::Closed));
        let refused = locks(strong, CommandState::Refused, false, Some(Refusal::LockedLocal));
        assert_eq!(refused, (Keyhole::Open, Keyhole::Closed));
        assert_eq!(locks(strong, CommandState::Completed, true, None), (Keyhole::Open, Keyhole::Open));
        let safe = locks(CommandKind::NotifyOps, CommandState::Completed, true, None);
        assert_eq!(safe, (Keyhole::NotNeeded, Keyhole::NotNeeded));
    }

    #[test]
    fn what_it_takes_reads_as_a_sentence() {
        assert_eq!(needed(1, Approver::Anyone), "Needs 1 approval of somebody else.");
        assert_eq!(needed(2, Approver::Anyone), "Needs 2 approvals of other people.");
        assert_eq!(needed(0, Approver::Both), "Nobody has to approve it.");
    }
}
