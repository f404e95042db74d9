//! The page of the emergency stop: how it stands, the button that stops, and who says that it may go on.

use super::{
    banner::is_about_stops,
    calls::{RearmCommands, StopCommands, list_stops},
};
use crate::{
    business::{FindBusiness, Offered, offered, use_business_like},
    error::PortalError,
    layout::{PageHead, refetch_after, use_me},
    live,
    ui::{
        Choice, Exact, Form, Hidden, Load, Notice, Panel, Select, Status, StatusKind, Submit, TextArea, Time,
    },
};
use entity::{
    approval::NOTE_MAX,
    emergency_stop::{EmergencyStopView, RearmView, StopQuery},
    policy::Action,
    user::Me,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// Stops strong commands and lets them go on.
#[component]
pub fn EmergencyStopPage() -> impl IntoView {
    let me = use_me();
    let is_msp = me.role.is_msp();
    let own = me.business_id;
    let params = use_query_map();
    let business = Memo::new(move |_| {
        own.or_else(|| params.with(|params| params.get("business_id").and_then(|text| text.parse().ok())))
    });
    let stops = Resource::new(
        move || business.get(),
        |business_id| list_stops(StopQuery { business_id, stopped: false }),
    );
    live::refetch_on(stops, is_about_stops);
    let (stop, rearm) = (ServerAction::<StopCommands>::new(), ServerAction::<RearmCommands>::new());
    refetch_after(stop, stops);
    refetch_after(rearm, stops);
    let like = use_business_like();
    let businesses = Resource::new(move || like.get(), move |like| load_offered(is_msp, like));
    let may_stop = me.may(Action::StopCommands);
    view! {
        <PageHead
            title="Emergency stop"
            facts=|| view! { <span>"Stops every strong command at once. Devices refuse them until enough people agree that they may go on."</span> }.into_any()
        />
        <div class="stack">
            <Load resource=stops let:stops>
                {stops.into_iter().map(|view| view! { <How view rearm/> }).collect_view()}
            </Load>
            {may_stop.then(|| view! {
                <Load resource=businesses skeleton=2 let:businesses>
                    <StopPanel me=me.clone() businesses stop/>
                </Load>
            })}
        </div>
    }
}

async fn load_offered(is_msp: bool, like: Option<String>) -> Result<Option<Offered>, PortalError> {
    if is_msp { Ok(Some(offered(like, None).await?)) } else { Ok(None) }
}

/// The button that stops.
#[component]
fn StopPanel(me: Me, businesses: Option<Offered>, stop: ServerAction<StopCommands>) -> impl IntoView {
    let choices: Option<Vec<Choice>> =
        businesses.as_ref().map(|offered| offered.choices_for(&me, "All businesses"));
    let own = me.business_id.map(|id| id.to_string());
    view! {
        <Panel title="Stop now">
            {businesses.map(|offered| view! { <FindBusiness offered/> })}
            <Form action=stop>
                {choices.map(|options| view! { <Select name="business_id" label="For" options/> })}
                {own.map(|id| view! { <Hidden name="business_id" value=id/> })}
                <TextArea name="reason" label="Why" hint="May stay empty: stop first." rows=1 max_length=NOTE_MAX/>
                <div class="stop-button"><Submit>"Stop strong commands"</Submit></div>
            </Form>
        </Panel>
    }
}

/// How it stands for one business, or for all.
#[component]
fn How(view: EmergencyStopView, rearm: ServerAction<RearmCommands>) -> impl IntoView {
    let title = view.business_name.clone().unwrap_or_else(|| "All businesses".to_owned());
    let counted = view.rearms.iter().filter(|one| one.counts).count();
    let needed = view.rearm_approvals;
    let (kind, word) =
        if view.is_stopped { (StatusKind::Bad, "Stopped") } else { (StatusKind::Ok, "Not stopped") };
    let is_stopped = view.is_stopped;
    let business = view.business_id.map(|id| id.to_string()).unwrap_or_default();
    view! {
        <Panel title>
            <div class="stack">
                <p>
                    <Status kind word/>
                    {view.decided_at.map(|at| view! { " since " <Exact at/> })}
                    {view.decided_by.clone().map(|who| format!(", by {who}"))}
                </p>
                {(!view.reason.is_empty()).then(|| view! { <p class="said-note">{view.reason.clone()}</p> })}
                {is_stopped.then(|| view! {
                    <p>{format!("{counted} of {needed} people agree that strong commands may go on.")}</p>
                    <ul class="said-list">
                        {view.rearms.into_iter().map(|one| view! { <Agrees one/> }).collect_view()}
                    </ul>
                })}
                {(is_stopped && view.may_rearm).then(|| view! {
                    <Form action=rearm>
                        <Hidden name="business_id" value=business/>
                        <Hidden name="seq" value=view.seq.to_string()/>
                        <TextArea name="note" label="Why it is safe" hint="May stay empty." rows=1 max_length=NOTE_MAX/>
                        <Submit>"Strong commands may go on"</Submit>
                    </Form>
                })}
                {(is_stopped && !view.may_rearm).then(|| view! {
                    <Notice kind=StatusKind::Info>
                        "You have agreed already, or it is for others to decide."
                    </Notice>
                })}
            </div>
        </Panel>
    }
}

#[component]
fn Agrees(one: RearmView) -> impl IntoView {
    let (kind, word) =
        if one.counts { (StatusKind::Ok, "Agrees") } else { (StatusKind::Off, "Does not count any more") };
    view! {
        <li class="said">
            <Status kind word/>
            <b>{one.user_name}</b>
            {one.note.map(|note| view! { <span class="said-note">{note}</span> })}
            <span class="quiet"><Time at=one.approved_at/></span>
        </li>
    }
}
