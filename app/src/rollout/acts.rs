//! What can be done about a rollout by whoever looks at it, each with what it means and, where it matters, a reason.

use super::{
    calls::{
        ApproveRollout, CancelRollout, HaltRollout, PauseRollout, ResumeRollout, RollBackRollout,
        StartRollout, SubmitRollout,
    },
    design::DESIGN,
    detail::Known,
    form::RolloutForm,
};
use crate::{
    error::PortalError,
    layout::refetch_after,
    ui::{Choice, Confirm, Form, Hidden, LinkButton, Panel, Select, Submit, TextArea},
};
use entity::{
    agent_release::ReleaseView,
    audit::AuditEntryView,
    rollout::{NOTE_MAX, RolloutPowers, RolloutState, RolloutView},
};
use leptos::prelude::*;

/// Longest address of the designer, in bytes: servers and browsers take no longer ones.
const ADDRESS_MAX: usize = 8 * 1024;

/// What can be done; made once for the page, so that nothing is lost when it is drawn anew meanwhile.
#[derive(Clone, Copy)]
pub(super) struct Acts {
    submit: ServerAction<SubmitRollout>,
    approve: ServerAction<ApproveRollout>,
    start: ServerAction<StartRollout>,
    pause: ServerAction<PauseRollout>,
    resume: ServerAction<ResumeRollout>,
    halt: ServerAction<HaltRollout>,
    cancel: ServerAction<CancelRollout>,
    roll_back: ServerAction<RollBackRollout>,
}

impl Acts {
    /// For the page around it.
    pub(super) fn new(
        known: Resource<Result<Known, PortalError>>,
        trail: Resource<Result<Option<Vec<AuditEntryView>>, PortalError>>,
    ) -> Self {
        let acts = Self {
            submit: ServerAction::new(),
            approve: ServerAction::new(),
            start: ServerAction::new(),
            pause: ServerAction::new(),
            resume: ServerAction::new(),
            halt: ServerAction::new(),
            cancel: ServerAction::new(),
            roll_back: ServerAction::new(),
        };
        macro_rules! tell {
            ($($act:ident)*) => {$(
                refetch_after(acts.$act, known);
                refetch_after(acts.$act, trail);
            )*};
        }
        tell!(submit approve start pause resume halt cancel roll_back);
        acts
    }
}

/// The buttons that this person has now; nothing when there are none and nothing to say.
#[component]
pub(super) fn Doing(found: RolloutView, newer: Vec<ReleaseView>, acts: Acts) -> impl IntoView {
    let may = found.may.clone();
    let id = found.rollout.id.to_string();
    let change = found.draft.as_ref().and_then(|asked| RolloutForm::of_draft(found.rollout.id, asked));
    // What does not fit into an address is changed over REST.
    let change =
        change.map(|form| format!("{DESIGN}?{}", form.query())).filter(|href| href.len() <= ADDRESS_MAX);
    let is_any = change.is_some()
        || [may.submit, may.approve, may.start, may.pause, may.resume, may.halt, may.cancel, may.roll_back]
            .contains(&true);
    let change = change.map(|href| view! { <LinkButton href>"Change"</LinkButton> });
    let approval = may.approve.then(|| view! { <Approval found=found.clone() acts/> });
    view! {
        {approval}
        {may.why_not.clone().map(|why| view! { <p class="quiet rollout-why-not">{why}</p> })}
        {is_any.then(|| view! {
            <div class="button-row rollout-acts">
                {change}
                <GoingOn id=id.clone() may=may.clone() acts state=found.rollout.state/>
                <Stopping id=id.clone() may=may.clone() acts name=found.rollout.name.clone()/>
                {may.roll_back.then(|| view! { <RollingBack id newer acts/> })}
            </div>
        })}
    }
}

/// Somebody else says yes.
#[component]
fn Approval(found: RolloutView, acts: Acts) -> impl IntoView {
    let rollout = found.rollout;
    view! {
        <Panel title="Decision">
            <p>
                <b>{rollout.created_by}</b>
                {format!(" wants version {} to reach: {}.", rollout.version, rollout.target_label)}
                " Below stand the waves and when it stops by itself."
            </p>
            {(!found.note.is_empty()).then(|| view! { <p class="said-note">{found.note}</p> })}
            <Form action=acts.approve class="form decision-form">
                <Hidden name="id" value=rollout.id.to_string()/>
                <TextArea name="input[note]" label="A word about it" hint="May stay empty." rows=1 max_length=NOTE_MAX/>
                <Submit>"Approve"</Submit>
            </Form>
        </Panel>
    }
}

#[component]
fn GoingOn(id: String, may: RolloutPowers, acts: Acts, state: RolloutState) -> impl IntoView {
    let [submit, start, resume] = [id.clone(), id.clone(), id];
    let was_halted = state == RolloutState::Halted;
    view! {
        {may.submit.then(|| view! {
            <Confirm action=acts.submit label="Hand in" title="Hand this rollout in?" confirm="Hand it in">
                <p>"Its terms stay as they are from now on. Where somebody else has to say yes, they are asked."</p>
                <Hidden name="id" value=submit/>
            </Confirm>
        })}
        {may.start.then(|| view! {
            <Confirm action=acts.start label="Start" title="Start this rollout?" confirm="Start it">
                <p>"The first wave opens at once; the next ones open by themselves when it has proved itself."</p>
                <Hidden name="id" value=start/>
            </Confirm>
        })}
        {may.resume.then(|| view! {
            <Confirm action=acts.resume label="Resume" title="Let this rollout go on?" confirm="Let it go on">
                <p>
                    {if was_halted {
                        "It stopped because something was wrong. What went wrong so far is not counted again."
                    } else {
                        "Devices get it again from where it stopped."
                    }}
                </p>
                <Hidden name="id" value=resume/>
                <TextArea
                    name="input[reason]"
                    label="Why it is safe"
                    hint=if was_halted { "Others read it in the audit log." } else { "May stay empty." }
                    rows=2
                    max_length=NOTE_MAX
                />
            </Confirm>
        })}
    }
}

#[component]
fn Stopping(id: String, may: RolloutPowers, acts: Acts, name: String) -> impl IntoView {
    let [pause, halt, cancel] = [id.clone(), id.clone(), id];
    view! {
        {may.pause.then(|| view! {
            <Confirm action=acts.pause label="Pause" title="Hold this rollout?" confirm="Pause it">
                <p>"No further device gets it, and those that have fetched it do not change over. You may let it go on yourself."</p>
                <Hidden name="id" value=pause/>
                <TextArea name="input[note]" label="Why" hint="May stay empty." rows=2 max_length=NOTE_MAX/>
            </Confirm>
        })}
        {may.halt.then(|| view! {
            <Confirm action=acts.halt label="Halt" title="Stop this rollout?" confirm="Halt it">
                <p>"As when too much went wrong: no further device gets it until somebody else than who started it says why that is safe."</p>
                <Hidden name="id" value=halt/>
                <TextArea name="input[note]" label="What is wrong" rows=2 max_length=NOTE_MAX/>
            </Confirm>
        })}
        {may.cancel.then(|| view! {
            <Confirm
                action=acts.cancel
                label="Cancel"
                title=format!("Take {name} back?")
                confirm="Take it back for good"
            >
                <p>"No further device gets it, for good. Devices that have it keep it; to change that, roll it back."</p>
                <Hidden name="id" value=cancel/>
                <TextArea name="input[note]" label="Why" hint="May stay empty." rows=2 max_length=NOTE_MAX/>
            </Confirm>
        })}
    }
}

/// Undoes it with a newer release of the older programs.
#[component]
fn RollingBack(id: String, newer: Vec<ReleaseView>, acts: Acts) -> impl IntoView {
    // What devices would refuse undoes nothing.
    let options: Vec<Choice> = newer
        .iter()
        .filter(|release| !release.is_expired && !release.is_untrusted)
        .map(|release| {
            Choice::new(release.id.to_string(), format!("{} (sequence {})", release.version, release.seq))
        })
        .collect();
    if options.is_empty() {
        return view! {
            <p class="quiet rollout-undo">
                "Devices never take a lower sequence. To undo this, stamp the older programs with a higher one, sign them as a newer release, and "
                <a href="/releases/upload">"upload it"</a> "."
            </p>
        }
        .into_any();
    }
    view! {
        <Confirm action=acts.roll_back label="Roll back" title="Undo this rollout?" confirm="Roll it back">
            <p>"Devices that got it get this release instead: a tenth of them first, then all, beginning now."</p>
            <Hidden name="id" value=id/>
            <Select name="input[release_id]" label="With which release" options required=true/>
            <TextArea name="input[reason]" label="Why" rows=2 max_length=NOTE_MAX/>
        </Confirm>
    }
    .into_any()
}
