//! The page of one error: what it is, what was done about it, which devices report it, and what one of them says.

use super::{
    calls::{DecideError, list_error_groups, list_errors},
    query,
    table::{ErrorStateMark, ReportingDevices},
};
use crate::{
    error::PortalError,
    layout::{PageHead, refetch_after, use_me},
    live,
    ui::{ButtonKind, Code, Count, Exact, Fact, Facts, Form, Hidden, Listing, Load, Panel, Submit, Time},
};
use entity::{
    error_report::{ErrorEvent, ErrorGroupView, ErrorReportQuery, ErrorReportView, ErrorState, label},
    id::DeviceId,
    page::Page,
    policy::Action,
    portal_event::PortalEvent,
};
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use serde_json::Value;

/// What stands on the page.
type Shown = (ErrorGroupView, Page<ErrorReportView>, Option<ErrorReportView>);

/// One error.
#[component]
pub fn ErrorPage() -> impl IntoView {
    let (params, asked) = (use_params_map(), use_query_map());
    let question = Memo::new(move |_| {
        let fingerprint = params.with(|params| params.get("fingerprint").unwrap_or_default());
        let listing =
            asked.with(|asked| Listing::from_url(format!("/errors/{fingerprint}"), asked, &["device_id"]));
        (fingerprint, listing)
    });
    let shown = Resource::new(move || question.get(), |(fingerprint, listing)| load(fingerprint, listing));
    live::refetch_on(shown, |event| matches!(event, PortalEvent::ErrorReport { .. }));
    let decide = ServerAction::<DecideError>::new();
    refetch_after(decide, shown);
    view! {
        <Load resource=shown let:shown>
            <Whole shown listing=question.get_untracked().1 decide/>
        </Load>
    }
}

async fn load(fingerprint: String, listing: Listing) -> Result<Shown, PortalError> {
    let of = |device_id, cursor, limit| ErrorReportQuery {
        fingerprint: Some(fingerprint.clone()),
        device_id,
        cursor,
        limit,
        ..ErrorReportQuery::default()
    };
    let groups = list_error_groups(of(None, None, Some(1))).await?;
    let group = groups.items.into_iter().next().ok_or_else(PortalError::not_found)?;
    let page = list_errors(of(None, listing.cursor(), None)).await?;
    let report = match listing.value::<DeviceId>("device_id") {
        Some(device) => list_errors(of(Some(device), None, Some(1))).await?.items.into_iter().next(),
        None => page.items.first().cloned(),
    };
    Ok((group, page, report))
}

#[component]
fn Whole(shown: Shown, listing: Listing, decide: ServerAction<DecideError>) -> impl IntoView {
    let (group, page, report) = shown;
    let title = label(&group.error_type);
    let can_decide = use_me().may(Action::ManageDevice);
    let (message, state) = (group.error_message.clone(), group.state);
    let said = message.clone();
    let (number, next, total) = (page.items.len(), page.next_cursor, page.total);
    let pager = listing.pager(number, total, next.as_deref());
    let device = report.as_ref().map(|report| report.device_id.to_string());
    let head = group.clone();
    view! {
        <PageHead
            title
            up=("Errors", query::PATH)
            facts=move || view! { <GroupFacts group=head.clone()/> }.into_any()
        />
        <p class="error-sentence">{message}</p>
        {can_decide.then(|| view! { <Decision fingerprint=group.fingerprint.clone() state decide/> })}
        {report.map(|report| view! { <ReportPanel report said/> })}
        <Panel title="Devices that report it">
            <ReportingDevices reports=page.items shown=device/>
        </Panel>
        {pager}
    }
}

#[component]
fn GroupFacts(group: ErrorGroupView) -> impl IntoView {
    let devices = if group.devices == 1 { " device" } else { " devices" };
    let times = if group.occurrences == 1 { " time" } else { " times" };
    view! {
        <ul class="fact-line">
            <li><ErrorStateMark state=group.state/></li>
            <li><Count value=group.devices/> {devices}</li>
            <li><Count value=group.occurrences/> {times}</li>
            <li>"First " <Time at=group.first_at/></li>
            <li>"Last " <Time at=group.last_at/></li>
        </ul>
    }
}

/// What can be said about it, in the state that it is in.
#[component]
fn Decision(fingerprint: String, state: ErrorState, decide: ServerAction<DecideError>) -> impl IntoView {
    let can = |event| state.on(event).is_some();
    let (can_see, can_resolve) = (can(ErrorEvent::See), can(ErrorEvent::Resolve));
    if !can_see && !can_resolve {
        return view! { <p class="quiet">"It is marked as resolved. When a device reports it again, it is new again."</p> }
            .into_any();
    }
    view! {
        <Form action=decide class="form-inline error-decision">
            <Hidden name="fingerprint" value=fingerprint/>
            {can_see.then(|| view! { <Submit kind=ButtonKind::Plain name="input[state]" value="seen">"Mark as seen"</Submit> })}
            {can_resolve.then(|| view! {
                <Submit kind=ButtonKind::Plain name="input[state]" value="resolved">"Mark as resolved"</Submit>
            })}
        </Form>
    }
    .into_any()
}

/// What one device says about it, beyond the sentence that the page has `said` already.
#[component]
fn ReportPanel(report: ErrorReportView, said: String) -> impl IntoView {
    let title = format!("On {}", report.device_name);
    let decided = report.decided_by.clone().zip(report.decided_at);
    view! {
        <Panel title>
            <Facts>
                <Fact label="Device">
                    <a href=format!("/devices/{}/errors", report.device_id)>{report.device_name.clone()}</a>
                    " · " {report.business_name.clone()}
                </Fact>
                {(report.error_message != said).then(|| view! { <Fact label="Message">{report.error_message.clone()}</Fact> })}
                <Fact label="Times"><Count value=report.occurrences/></Fact>
                <Fact label="First seen"><Exact at=report.first_at/></Fact>
                <Fact label="Last seen"><Exact at=report.last_at/></Fact>
                <Fact label="Agent"><span class="mono">{report.agent_version.clone()}</span></Fact>
                {report.failed_version.clone().map(|version| view! {
                    <Fact label="Failed version"><span class="mono">{version}</span></Fact>
                })}
                <Fact label="Kind"><span class="mono">{report.error_type.clone()}</span></Fact>
                {decided.map(|(who, at)| view! {
                    <Fact label=report.state.label()>"by " {who} ", " <Time at/></Fact>
                })}
                {details(report.details)}
            </Facts>
            {report.log_snippet.map(|text| view! {
                <h3 class="error-log-title">"The end of the agent's log at that moment"</h3>
                <Code text label="The end of the agent's log"/>
            })}
        </Panel>
    }
}

/// More about it, as the agent wrote it: names and values, or a text.
fn details(details: Value) -> AnyView {
    match details {
        Value::Null => ().into_any(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| view! { <Fact label=called(&name)><span class="error-value mono">{words(&value)}</span></Fact> })
            .collect_view()
            .into_any(),
        other => view! { <Fact label="Details"><span class="error-value mono">{words(&other)}</span></Fact> }.into_any(),
    }
}

/// The name of a detail, as labels are written.
fn called(name: &str) -> String {
    let mut letters = name.chars().map(|c| if c == '_' { ' ' } else { c });
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
