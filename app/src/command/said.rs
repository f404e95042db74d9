//! What people said about a request.

use crate::ui::{Status, StatusKind, Time};
use entity::command::{ApprovalDecision, ApprovalView, RequestRow};
use leptos::prelude::*;

/// How many have said yes and not taken it back.
pub(crate) fn counted(approvals: &[ApprovalView]) -> u32 {
    let counts = |one: &&ApprovalView| one.decision == ApprovalDecision::Approve && one.revoked_at.is_none();
    u32::try_from(approvals.iter().filter(counts).count()).unwrap_or(u32::MAX)
}

/// Who said what, with the emergency that let fewer decide.
#[component]
pub(crate) fn Said(request: RequestRow, approvals: Vec<ApprovalView>) -> impl IntoView {
    let is_none = approvals.is_empty();
    let needs_nobody = request.approvals_needed == 0;
    let emergency = request.break_glass_reason.clone().zip(request.break_glass_at);
    let reviewed = request.reviewed_at;
    view! {
        {emergency.map(|(reason, at)| view! {
            <div class="said">
                <Status kind=StatusKind::Warn word="Let pass in an emergency"/>
                <span class="said-note">{reason}</span>
                <span class="quiet">
                    <Time at/>
                    {match reviewed {
                        Some(at) => view! { ", looked at afterwards " <Time at/> }.into_any(),
                        None => ", not looked at yet".into_any(),
                    }}
                </span>
            </div>
        })}
        {is_none.then(|| view! {
            <p class="quiet">
                {if needs_nobody { "Nobody has to approve it." } else { "Nobody has said anything yet." }}
            </p>
        })}
        <ul class="said-list">
            {approvals.into_iter().map(|one| view! { <One one/> }).collect_view()}
        </ul>
    }
}

#[component]
fn One(one: ApprovalView) -> impl IntoView {
    let (kind, word) = match (one.decision, one.revoked_at) {
        (ApprovalDecision::Approve, None) => (StatusKind::Ok, "Approved"),
        (ApprovalDecision::Reject, _) => (StatusKind::Bad, "Rejected"),
        (ApprovalDecision::Approve | ApprovalDecision::Revoke, _) => (StatusKind::Off, "Taken back"),
    };
    view! {
        <li class="said">
            <Status kind word/>
            <b>{one.user_name}</b>
            {one.note.map(|note| view! { <span class="said-note">{note}</span> })}
            <span class="quiet"><Time at=one.revoked_at.unwrap_or(one.decided_at)/></span>
        </li>
    }
}
