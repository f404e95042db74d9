//! The page of one command: where it is, both locks as they were and are, what runs, what it wrote, and the proof.

use super::{
    calls::{CancelCommand, get_command},
    locks::LocksOf,
    payload::PayloadView,
    said::Said,
    words::{RequestMark, StateMark, StrengthMark, outlook},
};
use crate::{
    layout::{PageHead, load_named, named_id, refetch_after, use_me},
    live,
    ui::{
        ButtonKind, Confirm, Exact, Fact, Facts, Hidden, Keyhole, Keyholes, LinkButton, Load, Notice, Output,
        Panel, StatusKind, format,
    },
};
use entity::{
    command::{CommandDetail, CommandEvent, CommandRow, CommandState, LockState, OUTPUT_BYTES_MAX},
    id::CommandId,
    policy::Action,
    portal_event::PortalEvent,
};
use leptos::prelude::*;

/// One command.
#[component]
pub fn CommandPage() -> impl IntoView {
    let command = load_named("id", get_command);
    let id = named_id::<CommandId>("id");
    live::refetch_on(
        command,
        move |event| matches!(event, PortalEvent::Command { command_id, .. } if Some(*command_id) == id.get_untracked()),
    );
    let cancel = ServerAction::<CancelCommand>::new();
    refetch_after(cancel, command);
    let streamed = follow_output(id);
    view! {
        <Load resource=command let:found>
            <Head found=found.clone() cancel/>
            <div class="stack command-page">
                <Outlook command=found.command.clone()/>
                <OutputPanel found=found.clone() streamed/>
                <LocksPanel found=found.clone()/>
                <AskedPanel found=found.clone()/>
                <DecidedPanel found=found.clone()/>
                <ProofPanel found/>
            </div>
        </Load>
    }
}

/// What the command writes while the page is open. Pieces come in order; one that came before is left out.
fn follow_output(id: Memo<Option<CommandId>>) -> RwSignal<String> {
    let streamed = RwSignal::new(String::new());
    let last = StoredValue::new(None::<u64>);
    Effect::new(move |former: Option<Option<CommandId>>| {
        let id = id.get();
        if former.is_some_and(|former| former != id) {
            streamed.set(String::new());
            last.set_value(None);
        }
        id
    });
    live::on_event(move |event| {
        let PortalEvent::CommandOutput { command_id, offset, output, .. } = event else { return };
        let is_new = last.get_value().is_none_or(|last| *offset > last);
        if Some(*command_id) != id.get_untracked() || !is_new {
            return;
        }
        let is_torn = last.get_value().is_none() && *offset > 0;
        last.set_value(Some(*offset));
        // However much a device says, no more than is kept in the end.
        if streamed.with_untracked(String::len) >= OUTPUT_BYTES_MAX {
            return;
        }
        streamed.update(|text| {
            if is_torn {
                text.push_str("[What it wrote before is shown when it has ended.]\n");
            }
            text.push_str(output);
        });
    });
    streamed
}

#[component]
fn Head(found: CommandDetail, cancel: ServerAction<CancelCommand>) -> impl IntoView {
    let me = use_me();
    let command = found.command;
    let may_ask = me.may(Action::RequestCommand);
    let can_cancel = may_ask && !command.is_cancel_asked && command.state.on(CommandEvent::Cancel).is_some();
    let title = command.sentence.clone();
    let again = format!("/commands/new?devices={}&kind={}", command.device_id, command.kind.word());
    let id = command.id.to_string();
    let is_over = command.state.is_over();
    let facts = move || {
        let command = command.clone();
        let device = format!("/devices/{}/commands", command.device_id);
        view! {
            <ul class="fact-line">
                <li><StateMark state=command.state/></li>
                <li><a href=device>{command.device_name}</a> " · " {command.business_name}</li>
                <li>"Asked by " {command.requested_by} ", " <Exact at=command.created_at/></li>
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
                let (id, again) = (id.clone(), again.clone());
                view! {
                    {can_cancel.then(|| view! {
                        <Confirm action=cancel label="Cancel" title="Take this command back?" confirm="Take it back">
                            <p>"A device that has it already is asked not to begin it; one that has begun goes on."</p>
                            <Hidden name="id" value=id/>
                        </Confirm>
                    })}
                    {(may_ask && is_over).then(|| view! {
                        <LinkButton href=again kind=ButtonKind::Plain>"Ask for another"</LinkButton>
                    })}
                }
                .into_any()
            }
        />
    }
}

#[component]
fn Outlook(command: CommandRow) -> impl IntoView {
    let kind = super::words::meaning(command.state);
    let until = command.deliver_by;
    let waits = !command.state.is_over() && command.state != CommandState::Executing;
    view! {
        <Notice kind>
            {outlook(&command)}
            {waits.then(|| view! { " It is given up at " <Exact at=until/> "." })}
            {tells_more(&command).then(|| format!(" {}", command.detail))}
        </Notice>
    }
}

/// Does the device say more than that it would not?
fn tells_more(command: &CommandRow) -> bool {
    let is_said = command.refusal.is_some_and(|refusal| refusal.sentence() == command.detail);
    !command.detail.is_empty() && !is_said
}

#[component]
fn OutputPanel(found: CommandDetail, streamed: RwSignal<String>) -> impl IntoView {
    let state = found.command.state;
    let is_running = matches!(state, CommandState::Sent | CommandState::Executing);
    let has_output = found.output.as_ref().is_some_and(|output| !output.is_empty());
    if !is_running && !has_output && found.command.started_at.is_none() {
        return ().into_any();
    }
    let total = (!is_running).then_some(found.output_bytes);
    let kept = found.output;
    let text = Signal::derive(move || kept.clone().unwrap_or_else(|| streamed.get()));
    let facts = found.command.exit_code.map(|code| format!("ended with {code}"));
    let title = if is_running { "Output, as it comes" } else { "Output" };
    view! {
        <Panel title facts=facts.unwrap_or_default()>
            <Output text total_bytes=total is_running=Signal::stored(is_running)/>
        </Panel>
    }
    .into_any()
}

#[component]
fn LocksPanel(found: CommandDetail) -> impl IntoView {
    let said = super::said::counted(&found.approvals);
    let request = found.request;
    let then = found.lock_at_creation;
    let is_over = found.command.state.is_over();
    let differs = then.as_ref().is_some_and(|then| then.device_allows != found.lock.device_allows);
    view! {
        <Panel title=if is_over { "Both locks, now" } else { "Both locks" }>
            <LocksOf kind=request.kind lock=found.lock state=request.state said/>
            {then.map(|then| view! { <AsAsked lock=then has_key=request.kind.strong_kind().is_some() differs/> })}
        </Panel>
    }
}

/// The locks as they were when it was asked.
#[component]
fn AsAsked(lock: LockState, has_key: bool, differs: bool) -> impl IntoView {
    let left = if lock.approvals_needed == 0 { Keyhole::NotNeeded } else { Keyhole::Closed };
    let right = match (has_key, lock.device_allows) {
        (false, _) => Keyhole::NotNeeded,
        (true, true) => Keyhole::Open,
        (true, false) => Keyhole::Closed,
    };
    view! {
        <p class="lock-then quiet">
            "When it was asked: " <Keyholes left right/>
            {if differs { " The device's lock has changed since." } else { "" }}
        </p>
    }
}

#[component]
fn AskedPanel(found: CommandDetail) -> impl IntoView {
    let request = found.request;
    let href = format!("/commands/requests/{}", request.id);
    let many = request.targets_count > 1;
    view! {
        <Panel
            title="What was asked"
            actions=move || many.then(|| view! { <a href=href.clone()>"The whole request"</a> }).into_any()
        >
            <Facts>
                <Fact label="What">{request.sentence.clone()}</Fact>
                <Fact label="Strength"><StrengthMark strength=request.strength/></Fact>
                <Fact label="Decision"><RequestMark state=request.state/></Fact>
                {request.reason.clone().map(|reason| view! {
                    <Fact label="Why"><span class="said-note">{reason}</span></Fact>
                })}
                <Fact label="May run for">{format::duration(u64::from(request.timeout_seconds))}</Fact>
            </Facts>
            <PayloadView payload=request.payload/>
        </Panel>
    }
}

#[component]
fn DecidedPanel(found: CommandDetail) -> impl IntoView {
    view! { <Panel title="Who decided"><Said request=found.request approvals=found.approvals/></Panel> }
}

#[component]
fn ProofPanel(found: CommandDetail) -> impl IntoView {
    let evidence = format!("/api/v1/commands/{}/evidence", found.command.id);
    let command = found.command;
    let at = |label: &'static str, at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map(|at| view! { <Fact label><Exact at/></Fact> })
    };
    view! {
        <Panel
            title="Proof"
            actions=move || view! { <a href=evidence.clone() rel="external" download="">"Evidence bundle"</a> }.into_any()
        >
            <Facts>
                <Fact label="Approved, SHA-256"><span class="mono">{found.request.request_sha256}</span></Fact>
                <Fact label="Devices, SHA-256"><span class="mono">{found.request.targets_sha256}</span></Fact>
                {found.order_sha256.map(|digest| view! {
                    <Fact label="Signed, SHA-256"><span class="mono">{digest}</span></Fact>
                })}
                {at("Handed out", command.sent_at)}
                {at("On the device's disk", found.received_at)}
                {at("Begun", command.started_at)}
                {at("Ended", command.ended_at)}
            </Facts>
            {command.is_late.then(|| view! {
                <Notice kind=StatusKind::Info>"The result came after the command's time was over."</Notice>
            })}
        </Panel>
    }
}
