//! The page of one alert: what is the matter, who has it, and what is done about it.

use super::{
    calls::{AcknowledgeAlert, ResolveAlert, get_alert},
    table::meaning,
};
use crate::{
    error::PortalError,
    layout::{PageHead, load_named, named_id, refetch_after, use_me},
    live,
    suggestion::{SuggestionActs, SuggestionCard, calls::list_suggestions},
    ui::{Absent, ButtonKind, Exact, Fact, Facts, Form, Hidden, Load, Panel, Status, Submit, TextArea},
};
use chrono::Duration;
use entity::{
    alert::{AlertKind, AlertState, AlertView, NOTES_MAX},
    id::AlertId,
    policy::Action,
    portal_event::PortalEvent,
    suggestion::{SuggestionQuery, SuggestionView},
};
use leptos::prelude::*;

/// One alert.
#[component]
pub fn AlertPage() -> impl IntoView {
    let may_handle = use_me().may(Action::HandleAlert);
    let alert = load_named("id", load);
    let id = named_id::<AlertId>("id");
    live::refetch_on(
        alert,
        move |event| matches!(event, PortalEvent::Alert { alert_id, .. } if Some(*alert_id) == id.get_untracked()),
    );
    let (acknowledge, resolve) =
        (ServerAction::<AcknowledgeAlert>::new(), ServerAction::<ResolveAlert>::new());
    refetch_after(acknowledge, alert);
    refetch_after(resolve, alert);
    let acts = SuggestionActs::new();
    refetch_after(acts.take, alert);
    refetch_after(acts.dismiss, alert);
    view! {
        <Load resource=alert let:found>
            {let (alert, suggested) = found; view! {
            <Head alert=alert.clone()/>
            {(!suggested.is_empty()).then(|| view! {
                <Panel title="Suggestion">
                    <div class="suggestions">
                        {suggested.into_iter().map(|found| view! { <SuggestionCard found acts/> }).collect_view()}
                    </div>
                </Panel>
            })}
            {(may_handle && alert.state.is_open()).then(|| view! { <Decision alert=alert.clone() acknowledge resolve/> })}
            <Known alert=alert.clone()/>
            }}
        </Load>
    }
}

/// The alert, with what it proposed.
async fn load(id: AlertId) -> Result<(AlertView, Vec<SuggestionView>), PortalError> {
    let query = SuggestionQuery { alert_id: Some(id), ..SuggestionQuery::default() };
    Ok((get_alert(id).await?, list_suggestions(query).await?.items))
}

#[component]
fn Head(alert: AlertView) -> impl IntoView {
    let kind = meaning(&alert);
    let device = format!("/devices/{}", alert.device_id);
    let AlertView { message, state, device_name, business_name, .. } = alert;
    view! {
        <PageHead
            title=message
            up=("Alerts", "/alerts")
            facts=move || view! {
                <Status kind word=state.label()/>
                <span><a href=device.clone()>{device_name.clone()}</a> " · " {business_name.clone()}</span>
            }.into_any()
        />
    }
}

#[component]
fn Decision(
    alert: AlertView,
    acknowledge: ServerAction<AcknowledgeAlert>,
    resolve: ServerAction<ResolveAlert>,
) -> impl IntoView {
    let id = alert.id.to_string();
    let take = (alert.state == AlertState::Firing).then(|| {
        let id = id.clone();
        view! {
            <Form action=acknowledge>
                <Hidden name="id" value=id/>
                <Submit>"Take it on"</Submit>
            </Form>
        }
    });
    let is_taken = take.is_none();
    view! {
        <Panel title="What now">
            {take}
            <Form action=resolve>
                <Hidden name="id" value=id.clone()/>
                <TextArea
                    name="input[notes]"
                    label="What was it"
                    hint="For whoever looks at this the next time; may stay empty."
                    rows=3
                    max_length=NOTES_MAX
                />
                <Submit kind=if is_taken { ButtonKind::Primary } else { ButtonKind::Plain }>"Resolve"</Submit>
            </Form>
        </Panel>
    }
}

#[component]
fn Known(alert: AlertView) -> impl IntoView {
    let (most, last) = match alert.kind {
        AlertKind::LogBurst => ("Most errors", "Last burst"),
        AlertKind::CpuHigh => ("Highest, percent", "Last above"),
        AlertKind::ServiceDown => ("", "Found"),
    };
    let is_measured = alert.kind != AlertKind::ServiceDown;
    let number = |value: Option<f64>| match value {
        Some(value) => value.round().to_string().into_any(),
        None => view! { <Absent/> }.into_any(),
    };
    // The lines around it: those that it came of, and what was before.
    let stamp = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%dT%H:%M").to_string();
    let logs = format!(
        "/devices/{}/logs?level=error&from={}&to={}",
        alert.device_id,
        stamp(alert.triggered_at - Duration::minutes(10)),
        stamp(alert.last_breach_at + Duration::minutes(2))
    );
    let by = |who: Option<String>, at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map(|at| view! { {who.unwrap_or_else(|| "by itself".to_owned())} ", " <Exact at/> })
    };
    view! {
        <Panel title="The alert" actions=move || view! { <a href=logs.clone()>"Log lines around it"</a> }.into_any()>
            <Facts>
                <Fact label="Kind">{alert.kind.label()}</Fact>
                <Fact label="Severity">{alert.severity.label()}</Fact>
                {is_measured.then(|| view! {
                    <Fact label=most>{number(alert.metric_value)}</Fact>
                    <Fact label="Threshold">{number(alert.threshold_value)}</Fact>
                })}
                <Fact label="Began"><Exact at=alert.triggered_at/></Fact>
                <Fact label=last><Exact at=alert.last_breach_at/></Fact>
                {alert.acknowledged_at.is_some().then(|| view! {
                    <Fact label="Taken on">{by(alert.acknowledged_by.clone(), alert.acknowledged_at)}</Fact>
                })}
                {alert.resolved_at.is_some().then(|| view! {
                    <Fact label="Over">{by(alert.resolved_by.clone(), alert.resolved_at)}</Fact>
                })}
                {alert.resolution_notes.clone().map(|notes| view! {
                    <Fact label="What it was"><span class="alert-notes">{notes}</span></Fact>
                })}
            </Facts>
        </Panel>
    }
}
