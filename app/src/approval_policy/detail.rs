//! The page of one policy: what holds, the form that writes the next revision, and what was written before.

use super::{
    calls::{
        SetBusinessPolicy, SetDefaultPolicy, business_revisions, default_revisions, get_business_policy,
        get_default_policy,
    },
    form::of_kind,
};
use crate::{
    command::{StrengthMark, needed},
    error::PortalError,
    layout::{PageHead, load_named, refetch_after, use_me},
    ui::{
        ButtonKind, Checkbox, Choice, Exact, Field, Form, Hidden, Load, Notice, Panel, Select, StatusKind,
        Submit, Table, Timeline, TimelineItem,
    },
};
use entity::{
    approval_policy::{ApprovalPolicyRevision, ApprovalPolicyView},
    command::{APPROVALS_MAX, Approver, CommandKind, Strength},
    id::BusinessId,
    policy::Action,
    suggestion::PROPOSED,
};
use leptos::prelude::*;

type Known = (ApprovalPolicyView, Vec<ApprovalPolicyRevision>);

/// What holds for all.
#[component]
pub fn DefaultPolicyPage() -> impl IntoView {
    let may_change = use_me().may(Action::ManageCommandPolicy) && use_me().role.is_msp();
    let known = Resource::new(|| (), |()| load_default());
    let set = ServerAction::<SetDefaultPolicy>::new();
    refetch_after(set, known);
    view! {
        <PageHead title="For all businesses" up=("Approval policies", "/approval-policies")/>
        <Load resource=known let:found>
            <Policy view=found.0.clone()/>
            {may_change.then(|| view! {
                <Panel title="Change">
                    <Form action=set><Fields view=found.0.clone()/></Form>
                </Panel>
            })}
            <Before revisions=found.1/>
        </Load>
    }
}

async fn load_default() -> Result<Known, PortalError> {
    Ok((get_default_policy().await?, default_revisions().await?))
}

/// What holds for a business.
#[component]
pub fn BusinessPolicyPage() -> impl IntoView {
    let may_change = use_me().may(Action::ManageCommandPolicy);
    let known = load_named("id", |id: BusinessId| async move {
        Ok((get_business_policy(id).await?, business_revisions(id).await?))
    });
    let set = ServerAction::<SetBusinessPolicy>::new();
    refetch_after(set, known);
    view! {
        <Load resource=known let:found>
            <PageHead
                title=found.0.business_name.clone().unwrap_or_default()
                up=("Approval policies", "/approval-policies")
                facts={
                    let words = if found.0.inherits { "What is decided for all businesses holds." } else { "It has decided for itself." };
                    move || view! { <span>{words}</span> }.into_any()
                }
            />
            <Policy view=found.0.clone()/>
            {may_change.then(|| view! { <BusinessForms view=found.0.clone() set/> })}
            <Before revisions=found.1/>
        </Load>
    }
}

#[component]
fn BusinessForms(view: ApprovalPolicyView, set: ServerAction<SetBusinessPolicy>) -> impl IntoView {
    let id = view.business_id.map(|id| id.to_string()).unwrap_or_default();
    let revision = view.revision.to_string();
    let other = id.clone();
    let is_own = !view.inherits;
    view! {
        <Panel title=if is_own { "Change" } else { "Decide for this business" }>
            <Form action=set>
                <Hidden name="id" value=id/>
                <Fields view/>
            </Form>
            {is_own.then(|| view! {
                <Form action=set>
                    <Hidden name="id" value=other/>
                    <Hidden name="form[revision]" value=revision/>
                    <Hidden name="form[inherits]" value="true"/>
                    <Submit kind=ButtonKind::Plain>"Back to what is decided for all"</Submit>
                </Form>
            })}
        </Panel>
    }
}

/// What holds, in words.
#[component]
fn Policy(view: ApprovalPolicyView) -> impl IntoView {
    let policy = view.policy.clone();
    let rows = CommandKind::ALL.iter().map(move |kind| {
        let (number, approver) = of_kind(&policy, *kind);
        view! {
            <tr>
                <td class="main">{kind.label()}</td>
                <td class="aside"><StrengthMark strength=kind.strength()/></td>
                <td class="sub">{needed(number, approver)}</td>
            </tr>
        }
    });
    let emergency = if view.policy.allows_break_glass {
        "In an emergency one person alone may let something pass, with a reason that is looked at afterwards."
    } else {
        "Nobody may let anything pass alone, not in an emergency either."
    };
    let rearm = view.policy.rearm_approvals;
    let automatic: Vec<&str> = view.policy.automatic.iter().map(|kind| kind.label()).collect();
    let automatic = if automatic.is_empty() {
        "The server proposes, and asks for nothing by itself.".to_owned()
    } else {
        format!("When an alert proposes it, the server asks by itself for: {}.", automatic.join(", "))
    };
    view! {
        <Panel title="What holds">
            <Table label="Approvals by kind">
                <thead>
                    <tr>
                        <th scope="col" class="main">"What"</th>
                        <th scope="col" class="aside">"Strength"</th>
                        <th scope="col" class="sub">"Who decides"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </Table>
            <div class="policy-words">
                <p>{emergency}</p>
                <p>{automatic}</p>
                <p>
                    {format!("After an emergency stop, {rearm} have to agree before strong commands go on. ")}
                    "What is for many devices needs somebody else's approval whatever its kind, and nobody ever approves what they asked for."
                </p>
            </div>
        </Panel>
    }
}

/// A number and who, for each kind; then what is not about a kind.
#[component]
fn Fields(view: ApprovalPolicyView) -> impl IntoView {
    let policy = view.policy;
    let kinds = CommandKind::ALL.iter().map(|kind| {
        let (number, approver) = of_kind(&policy, *kind);
        let least = u32::from(kind.strength() == Strength::Strong);
        let numbers = (least..=APPROVALS_MAX).map(|number| match number {
            0 => Choice::new("0", "Nobody"),
            1 => Choice::new("1", "1 person"),
            number => Choice::new(number.to_string(), format!("{number} people")),
        });
        let who = Approver::ALL.iter().map(|approver| Choice::new(approver.word(), who(*approver)));
        let (numbers, who): (Vec<Choice>, Vec<Choice>) = (numbers.collect(), who.collect());
        let word = kind.word();
        view! {
            <fieldset class="policy-kind">
                <legend>{kind.label()}</legend>
                <Select name=format!("form[needed][{word}]") label="How many" options=numbers value=number.to_string()/>
                <Select name=format!("form[approver][{word}]") label="Of whom" options=who value=approver.word()/>
            </fieldset>
        }
    });
    let hours = policy.decide_seconds.div_ceil(3600).to_string();
    let rearms = (1..=APPROVALS_MAX).map(|number| Choice::new(number.to_string(), number.to_string()));
    let rearms: Vec<Choice> = rearms.collect();
    view! {
        <Hidden name="form[revision]" value=view.revision.to_string()/>
        <div class="policy-kinds">{kinds.collect_view()}</div>
        <Field name="form[decide_hours]" label="Hours to decide" hint="1 to 24." value=hours input_mode="numeric" required=true/>
        <Select
            name="form[rearm_approvals]"
            label="People who let strong commands go on after a stop"
            options=rearms
            value=policy.rearm_approvals.to_string()
        />
        <Checkbox
            name="form[allows_break_glass]"
            label="One person alone may let something pass in an emergency"
            hint="With a reason that somebody else looks at afterwards. The lock on the device still holds."
            checked=policy.allows_break_glass
        />
        <fieldset class="policy-automatic">
            <legend>"When an alert proposes it, the server asks by itself"</legend>
            {PROPOSED.map(|kind| view! {
                <Checkbox
                    name=format!("form[automatic][{}]", kind.word())
                    label=kind.label()
                    checked=policy.automatic.contains(&kind)
                />
            }).collect_view()}
            <p class="field-hint">"At most once an hour for the same cause, and only on a device that its owner has armed. What has to be approved still has to be."</p>
        </fieldset>
        <Notice kind=StatusKind::Info>"A stricter policy takes back what was approved under the former one and waits for its device."</Notice>
        <Submit>"Save"</Submit>
    }
}

const fn who(approver: Approver) -> &'static str {
    match approver {
        Approver::Anyone => "anybody who may approve",
        Approver::Business => "the business's own people",
        Approver::Both => "both the provider's and the business's people",
    }
}

/// What was written before.
#[component]
fn Before(revisions: Vec<ApprovalPolicyRevision>) -> impl IntoView {
    if revisions.is_empty() {
        return ().into_any();
    }
    let items = revisions.into_iter().map(|one| {
        let words = if one.inherits { "back to what is decided for all" } else { "written" };
        view! {
            <TimelineItem at=one.created_at actor=one.created_by_name>
                {format!("Revision {}: {words}, ", one.revision)} <Exact at=one.created_at/>
            </TimelineItem>
        }
    });
    view! { <Panel title="Revisions"><Timeline>{items.collect_view()}</Timeline></Panel> }.into_any()
}
