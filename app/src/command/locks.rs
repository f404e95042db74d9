//! Both locks side by side, in words: what people have to say on the server, and what the device would say.

use super::words::needed;
use crate::ui::{CopyField, Keyhole, KeyholeFigure};
use entity::command::{CommandKind, LockState, RequestPreview, RequestState};
use leptos::prelude::*;

/// Lock one and lock two, each with its figure and its sentence.
#[component]
fn SideBySide(
    left: Keyhole,
    left_words: String,
    right: Keyhole,
    right_words: String,
    /// What to type on the device, where that helps.
    #[prop(optional_no_strip)]
    arm_command: Option<String>,
) -> impl IntoView {
    view! {
        <div class="locks">
            <section class="lock">
                <KeyholeFigure state=left/>
                <div class="lock-words">
                    <h3>"Approval on the server"</h3>
                    <p>{left_words}</p>
                </div>
            </section>
            <section class="lock">
                <KeyholeFigure state=right/>
                <div class="lock-words">
                    <h3>"Lock on the device"</h3>
                    <p>{right_words}</p>
                </div>
            </section>
            {arm_command.map(|command| view! {
                <div class="lock-type">
                    <CopyField label="To type on the device, as its administrator" value=format!("sudo {command}")/>
                </div>
            })}
        </div>
    }
}

fn device_side(kind: CommandKind, allows: bool) -> (Keyhole, &'static str) {
    match (kind.strong_kind(), allows) {
        (None, _) => (Keyhole::NotNeeded, "Not asked: this kind does nothing that the device keeps locked."),
        (Some(_), true) => (Keyhole::Open, "Armed for this: the device would do it."),
        (Some(_), false) => {
            (Keyhole::Closed, "This will be refused by the device until someone arms it there.")
        }
    }
}

/// Both locks before one asks.
#[component]
pub(super) fn LocksBefore(kind: CommandKind, preview: RequestPreview) -> impl IntoView {
    let left =
        if preview.is_stopped || preview.approvals_needed > 0 { Keyhole::Closed } else { Keyhole::NotNeeded };
    let left_words = if preview.is_stopped {
        format!(
            "{} Strong commands are stopped at the moment.",
            needed(preview.approvals_needed, preview.approver)
        )
    } else {
        needed(preview.approvals_needed, preview.approver)
    };
    let (targets, allowing) = (preview.targets_count, preview.allowing_count);
    let (right, words) = device_side(kind, allowing == targets);
    let right_words = if targets == 1 || kind.strong_kind().is_none() || allowing == targets {
        words.to_owned()
    } else {
        format!(
            "{allowing} of {targets} devices would do it; the others refuse until someone arms them there."
        )
    };
    // The line is the same for every device that is locked.
    let arm_command = preview.targets.iter().find_map(|target| target.lock.arm_command.clone());
    view! { <SideBySide left left_words right right_words arm_command/> }
}

/// Both locks of one device, for what was asked: `said` is how many have said yes.
#[component]
pub(crate) fn LocksOf(kind: CommandKind, lock: LockState, state: RequestState, said: u32) -> impl IntoView {
    let (left, left_words) = server_side(&lock, state, said);
    let (right, words) = device_side(kind, lock.device_allows);
    view! {
        <SideBySide left left_words right right_words=words.to_owned() arm_command=lock.arm_command/>
    }
}

fn server_side(lock: &LockState, state: RequestState, said: u32) -> (Keyhole, String) {
    match (state, lock.approvals_needed) {
        (RequestState::Awaiting, count) => {
            let sentence = needed(count, lock.approver);
            (
                Keyhole::Closed,
                if said > 0 { format!("{sentence} {said} of {count} so far.") } else { sentence },
            )
        }
        (RequestState::Approved, 0) => (Keyhole::NotNeeded, needed(0, lock.approver)),
        (RequestState::Approved, _) => (Keyhole::Open, "Approved.".to_owned()),
        (RequestState::Rejected, _) => (Keyhole::Closed, "Rejected.".to_owned()),
        (RequestState::Expired, _) => (Keyhole::Closed, "Nobody decided in time.".to_owned()),
        (RequestState::Cancelled, _) => (Keyhole::Closed, "Taken back.".to_owned()),
    }
}
