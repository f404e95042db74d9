//! One request as those see it who decide it: who, what, where, why, risk and until when; then yes and no, equally easy.

use super::{
    act::{Acts, Decisions},
    calls::{BreakGlass, Decide, Review},
};
use crate::{
    command::{PayloadView, RequestMark, Said, StrengthMark, Target, counted, needed, risk},
    ui::{
        ButtonKind, Confirm, Exact, Fact, Facts, Form, Hidden, Keyhole, Keyholes, Notice, Panel, StatusKind,
        Submit, TextArea, Time,
    },
};
use entity::{
    approval::{DecisionPowers, DecisionView, NOTE_MAX},
    command::{Payload, RequestRow, RequestState, TargetPreview},
};
use leptos::prelude::*;

/// One request of the inbox.
#[component]
pub(super) fn DecisionCard(found: DecisionView, decisions: Decisions) -> impl IntoView {
    let title = found.request.sentence.clone();
    let href = format!("/commands/requests/{}", found.request.id);
    view! {
        <article class="decision">
            <header class="decision-head">
                <h2><a class="row-link" href=href>{title}</a></h2>
                <DecisionLocks found=found.clone()/>
            </header>
            <Body found decisions/>
        </article>
    }
}

/// The same as a part of the page of a request.
#[component]
pub(crate) fn DecisionPart(found: DecisionView, decisions: Decisions) -> impl IntoView {
    view! {
        <Panel title="Decision">
            <div class="decision-plain"><DecisionLocks found=found.clone()/></div>
            <Body found decisions/>
        </Panel>
    }
}

/// Both locks as they are now: the right one is open when every device that is shown would do it.
#[component]
pub(super) fn DecisionLocks(found: DecisionView) -> impl IntoView {
    let left = match found.request.state {
        RequestState::Approved if found.request.approvals_needed == 0 => Keyhole::NotNeeded,
        RequestState::Approved => Keyhole::Open,
        _ => Keyhole::Closed,
    };
    let right = match found.request.kind.strong_kind() {
        None => Keyhole::NotNeeded,
        Some(_) if found.devices.iter().all(|device| device.lock.device_allows) => Keyhole::Open,
        Some(_) => Keyhole::Closed,
    };
    view! { <Keyholes left right/> }
}

#[component]
fn Body(found: DecisionView, decisions: Decisions) -> impl IntoView {
    let acts = decisions.of(found.request.id);
    let DecisionView { request, approvals, missing, is_side_missing, is_stopped, devices, may } = found;
    let said = counted(&approvals);
    let is_waiting = request.state == RequestState::Awaiting;
    let is_alone = missing > 1 || request.approvals_needed > 1;
    view! {
        <Brief request=request.clone() devices=devices.clone()/>
        {is_stopped.then(|| view! {
            <Notice kind=StatusKind::Warn>
                "Strong commands are stopped: what is approved waits until they go on."
            </Notice>
        })}
        <Exactly request=request.clone() devices/>
        {(said > 0 || !approvals.is_empty() || request.break_glass_at.is_some()).then(|| view! {
            <Said request=request.clone() approvals=approvals.clone()/>
        })}
        {(is_waiting && (said > 0 || is_side_missing)).then(|| view! {
            <p class="quiet">
                {match missing {
                    0 => String::new(),
                    1 => "One more person is missing.".to_owned(),
                    number => format!("{number} more people are missing."),
                }}
                {is_side_missing.then_some(" Somebody of the other side has to be among them.")}
            </p>
        })}
        {may.why_not.clone().map(|why| view! { <p class="quiet">{why}</p> })}
        <Acting request acts may is_alone/>
    }
}

/// Who, what, where, why, risk, until when.
#[component]
fn Brief(request: RequestRow, devices: Vec<TargetPreview>) -> impl IntoView {
    let place = match (request.device_name.clone(), devices.as_slice()) {
        (Some(name), [device]) => {
            view! { <a href=format!("/devices/{}", device.device_id)>{name}</a> }.into_any()
        }
        (Some(name), _) => name.into_any(),
        (None, _) => format!("{} devices", request.targets_count).into_any(),
    };
    let until = if request.state == RequestState::Awaiting { request.decide_by } else { request.deliver_by };
    view! {
        <Facts>
            <Fact label="Who"><b>{request.requested_by_name.clone()}</b> ", " <Time at=request.created_at/></Fact>
            <Fact label="Where">{place} " · " {request.business_name.clone()}</Fact>
            <Fact label="Why">
                {match request.reason.clone() {
                    Some(reason) => view! { <span class="said-note">{reason}</span> }.into_any(),
                    None => view! { <span class="quiet">"No reason was given."</span> }.into_any(),
                }}
            </Fact>
            <Fact label="Risk"><StrengthMark strength=request.strength/> " " {risk(request.kind)}</Fact>
            <Fact label="Until"><Exact at=until/> " " <span class="time-left">"(" <Time at=until/> ")"</span></Fact>
            <Fact label="Decision"><RequestMark state=request.state/> " " {needed(request.approvals_needed, request.approver)}</Fact>
        </Facts>
    }
}

/// Exactly what will run, on exactly which devices.
#[component]
fn Exactly(request: RequestRow, devices: Vec<TargetPreview>) -> impl IntoView {
    let is_script = matches!(request.payload, Payload::RunScript { .. } | Payload::NotifyOps { .. });
    let more = request.targets_count.saturating_sub(devices.len() as u64);
    let kind = request.kind;
    let type_there = devices
        .iter()
        .find(|device| !device.lock.device_allows)
        .and_then(|device| device.lock.arm_command.clone());
    view! {
        <details class="exactly" open=is_script>
            <summary>"Exactly what will run, and where"</summary>
            <div class="stack">
                <PayloadView payload=request.payload/>
                <ul class="target-list">
                    {devices.into_iter().map(|target| view! { <Target kind target/> }).collect_view()}
                </ul>
                {(more > 0).then(|| view! { <p class="quiet">{format!("And {more} more.")}</p> })}
                {type_there.map(|command| view! {
                    <p class="quiet">"A locked device refuses until its administrator types " <span class="mono">"sudo " {command}</span> " there."</p>
                })}
                <Facts>
                    <Fact label="SHA-256"><span class="mono">{request.request_sha256}</span></Fact>
                </Facts>
            </div>
        </details>
    }
}

/// What this person may do about it.
#[component]
fn Acting(request: RequestRow, acts: Acts, may: DecisionPowers, is_alone: bool) -> impl IntoView {
    let id = request.id.to_string();
    let digest = request.request_sha256;
    let DecisionPowers { approve, reject, revoke, break_glass, review, .. } = may;
    view! {
        {(approve || reject).then(|| view! {
            <Deciding id=id.clone() digest=digest.clone() action=acts.decide approve reject/>
        })}
        {revoke.then(|| view! { <TakingBack id=id.clone() digest=digest.clone() action=acts.decide/> })}
        {(break_glass && is_alone).then(|| view! {
            <Emergency id=id.clone() digest=digest.clone() action=acts.break_glass/>
        })}
        {review.then(|| view! { <Looking id=id.clone() action=acts.review/> })}
    }
}

#[component]
fn Deciding(
    id: String,
    digest: String,
    action: ServerAction<Decide>,
    approve: bool,
    reject: bool,
) -> impl IntoView {
    view! {
        <Form action class="form decision-form">
            <Hidden name="id" value=id/>
            <Hidden name="input[request_sha256]" value=digest/>
            <TextArea name="input[note]" label="A word about it" hint="May stay empty." rows=1 max_length=NOTE_MAX/>
            <div class="decision-buttons">
                {approve.then(|| view! { <Submit name="decision" value="approve">"Approve"</Submit> })}
                {reject.then(|| view! { <Submit kind=ButtonKind::Plain name="decision" value="reject">"Reject"</Submit> })}
            </div>
        </Form>
    }
}

#[component]
fn TakingBack(id: String, digest: String, action: ServerAction<Decide>) -> impl IntoView {
    view! {
        <Form action>
            <Hidden name="id" value=id/>
            <Hidden name="decision" value="revoke"/>
            <Hidden name="input[request_sha256]" value=digest/>
            <Submit kind=ButtonKind::Plain>"Take my approval back"</Submit>
        </Form>
    }
}

#[component]
fn Emergency(id: String, digest: String, action: ServerAction<BreakGlass>) -> impl IntoView {
    view! {
        <Confirm
            action
            label="Emergency: let it pass alone"
            title="Let this pass without the others?"
            confirm="Let it pass"
        >
            <p>
                "It is good for a quarter of an hour, the device's lock still holds, and somebody else looks at it afterwards."
            </p>
            <Hidden name="id" value=id/>
            <Hidden name="input[request_sha256]" value=digest/>
            <TextArea name="input[reason]" label="Why it cannot wait" rows=2 max_length=NOTE_MAX/>
        </Confirm>
    }
}

#[component]
fn Looking(id: String, action: ServerAction<Review>) -> impl IntoView {
    view! {
        <Form action>
            <Hidden name="id" value=id/>
            <TextArea name="input[note]" label="What you think of it" rows=2 max_length=NOTE_MAX/>
            <Submit>"I have looked at it"</Submit>
        </Form>
    }
}
