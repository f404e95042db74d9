//! The page of one request: what is asked of which devices, the decision, and how each device fares, live.

use super::{
    calls::{CancelRequest, get_request},
    change::may_change,
    payload::PayloadView,
    progress::Progress,
    table::CommandTable,
    words::RequestMark,
};
use crate::{
    approval::{DecisionPart, Decisions, get_decision},
    error::PortalError,
    layout::{PageHead, load_named, named_id, refetch_after, use_me},
    live,
    ui::{ButtonKind, Confirm, Exact, Fact, Facts, Hidden, LinkButton, Load, Notice, Panel, StatusKind},
};
use entity::{
    approval::DecisionView,
    command::{CommandEvent, RequestDetail, RequestRow, RequestState},
    id::CommandRequestId,
    policy::Action,
    portal_event::PortalEvent,
};
use leptos::prelude::*;

/// One request.
#[component]
pub fn RequestPage() -> impl IntoView {
    let id = named_id::<CommandRequestId>("id");
    let request = load_named("id", get_request);
    let me = use_me();
    let sees_decision =
        [Action::Approve, Action::RequestCommand, Action::ViewAudit].into_iter().any(|action| me.may(action));
    let decision = load_named("id", move |id| load_decision(sees_decision, id));
    let is_about = move |event: &PortalEvent| match event {
        PortalEvent::Command { request_id, .. } | PortalEvent::CommandRequest { request_id, .. } => {
            Some(*request_id) == id.get_untracked()
        }
        _ => false,
    };
    live::refetch_on(request, is_about);
    live::refetch_on(decision, is_about);
    let cancel = ServerAction::<CancelRequest>::new();
    refetch_after(cancel, request);
    let decisions = Decisions::new(Callback::new(move |()| {
        decision.refetch();
        request.refetch();
    }));
    view! {
        <Load resource=request let:found>
            <Head request=found.request.clone() cancel/>
        </Load>
        // Once it is decided, how it goes matters most.
        <Load resource=request skeleton=1 let:found>
            {(found.request.state != RequestState::Awaiting).then(|| view! { <DevicesPanel found/> })}
        </Load>
        <Load resource=decision skeleton=2 let:found>
            {found.map(|found| view! { <DecisionPart found decisions/> })}
        </Load>
        <Load resource=request let:found>
            <div class="stack">
                {(!sees_decision).then(|| view! { <AskedPanel request=found.request.clone()/> })}
                {(found.request.state == RequestState::Awaiting).then(|| view! { <DevicesPanel found/> })}
            </div>
        </Load>
    }
}

async fn load_decision(
    sees_decision: bool,
    id: CommandRequestId,
) -> Result<Option<DecisionView>, PortalError> {
    if sees_decision { Ok(Some(get_decision(id).await?)) } else { Ok(None) }
}

#[component]
fn Head(request: RequestRow, cancel: ServerAction<CancelRequest>) -> impl IntoView {
    let may_ask = use_me().may(Action::RequestCommand);
    let can_cancel = may_ask && request.state.on(CommandEvent::Cancel).is_some();
    let title = request.sentence.clone();
    let id = request.id.to_string();
    let change = may_change(&use_me(), &request).then(|| format!("/commands/requests/{id}/change"));
    let facts = move || {
        let request = request.clone();
        let devices = request.device_name.unwrap_or_else(|| format!("{} devices", request.targets_count));
        view! {
            <ul class="fact-line">
                <li><RequestMark state=request.state/></li>
                <li>{devices} " · " {request.business_name}</li>
                <li>"Asked by " {request.requested_by_name} ", " <Exact at=request.created_at/></li>
            </ul>
        }
        .into_any()
    };
    view! {
        <PageHead
            title
            up=("Commands", "/commands")
            facts
            action=move || {
                let (id, change) = (id.clone(), change.clone());
                view! {
                    {change.map(|href| view! {
                        <LinkButton href kind=ButtonKind::Plain>"Change"</LinkButton>
                    })}
                    {can_cancel.then(|| view! {
                        <Confirm action=cancel label="Cancel" title="Take this request back?" confirm="Take it back">
                            <p>"Devices that have it already are asked not to begin it; those that have begun go on."</p>
                            <Hidden name="id" value=id/>
                        </Confirm>
                    })}
                }
                .into_any()
            }
        />
    }
}

/// What was asked, for those who do not decide.
#[component]
fn AskedPanel(request: RequestRow) -> impl IntoView {
    view! {
        <Panel title="What was asked">
            <Facts>
                <Fact label="What">{request.sentence.clone()}</Fact>
                {request.reason.clone().map(|reason| view! {
                    <Fact label="Why"><span class="said-note">{reason}</span></Fact>
                })}
                <Fact label="Decided until"><Exact at=request.decide_by/></Fact>
                <Fact label="Approved, SHA-256"><span class="mono">{request.request_sha256.clone()}</span></Fact>
            </Facts>
            <PayloadView payload=request.payload/>
        </Panel>
    }
}

#[component]
fn DevicesPanel(found: RequestDetail) -> impl IntoView {
    let RequestDetail { request, counts, is_held, commands, .. } = found;
    let all = format!("/commands?request_id={}", request.id);
    let is_many = request.targets_count > 1;
    let is_cut = request.targets_count > commands.len() as u64;
    let waves = (request.waves > 1).then(|| format!("wave {} of {}", request.wave, request.waves));
    view! {
        <Panel
            title="Devices"
            facts=waves.unwrap_or_default()
            actions=move || is_cut.then(|| view! { <a href=all.clone()>"All of them"</a> }).into_any()
        >
            {is_held.then(|| view! {
                <Notice kind=StatusKind::Bad>
                    "Too many devices failed: no further wave goes out. Look at what happened before you ask again."
                </Notice>
            })}
            {is_many.then(|| view! { <Progress request=request.id counts/> })}
            <CommandTable commands of_many=true is_alike=is_many/>
        </Panel>
    }
}
