//! Errors as rows: those of all devices put together, and those of single devices.

use crate::ui::{Count, Status, StatusKind, Table, Time};
use chrono::{DateTime, Utc};
use entity::error_report::{ErrorGroupView, ErrorReportView, ErrorState, label as label_of};
use leptos::prelude::*;

/// What was done about an error.
#[component]
pub(super) fn ErrorStateMark(state: ErrorState) -> impl IntoView {
    let kind = match state {
        ErrorState::New => StatusKind::Bad,
        ErrorState::Seen => StatusKind::Warn,
        ErrorState::Resolved => StatusKind::Ok,
    };
    view! { <Status kind word=state.label()/> }
}

/// An error as one row of a list.
pub(super) struct ErrorRow {
    href: String,
    message: String,
    state: ErrorState,
    error_type: String,
    seen_by: SeenBy,
    occurrences: u64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

/// Whose error it is.
enum SeenBy {
    /// As many devices report it.
    Devices(u64),
    /// One device does, with this version of its agent.
    Agent(String),
}

impl From<ErrorGroupView> for ErrorRow {
    fn from(group: ErrorGroupView) -> Self {
        Self {
            href: format!("/errors/{}", group.fingerprint),
            message: group.error_message,
            state: group.state,
            error_type: group.error_type,
            seen_by: SeenBy::Devices(group.devices),
            occurrences: group.occurrences,
            first_at: group.first_at,
            last_at: group.last_at,
        }
    }
}

impl From<ErrorReportView> for ErrorRow {
    fn from(report: ErrorReportView) -> Self {
        Self {
            href: href_of(&report),
            message: report.error_message,
            state: report.state,
            error_type: report.error_type,
            seen_by: SeenBy::Agent(report.agent_version),
            occurrences: report.occurrences,
            first_at: report.first_at,
            last_at: report.last_at,
        }
    }
}

/// The page of an error, with what one device says of it.
fn href_of(report: &ErrorReportView) -> String {
    format!("/errors/{}?device_id={}", report.fingerprint, report.device_id)
}

/// Errors: each once, however many devices report it, or those of one device.
#[component]
pub(super) fn ErrorTable(
    /// What they are.
    label: &'static str,
    /// The errors.
    errors: Vec<ErrorRow>,
) -> impl IntoView {
    let is_of_many = errors.iter().all(|error| matches!(error.seen_by, SeenBy::Devices(_)));
    let rows = errors.into_iter().map(|error| {
        let (devices, agent) = match error.seen_by {
            SeenBy::Devices(count) => (Some(view! { <td class="num"><Count value=count/></td> }), None),
            SeenBy::Agent(version) => (None, Some(view! { <td class="mono">{version}</td> })),
        };
        let title = error.message.clone();
        view! {
            <tr>
                <td class="main error-message" title=title>
                    <a class="row-link" href=error.href>{error.message}</a>
                </td>
                <td class="aside"><ErrorStateMark state=error.state/></td>
                <td class="sub error-kind">{label_of(&error.error_type)}</td>
                {devices}
                <td class="num"><Count value=error.occurrences/></td>
                {agent}
                <td><Time at=error.first_at/></td>
                <td class="sub-aside"><Time at=error.last_at/></td>
            </tr>
        }
    });
    view! {
        <Table label>
            <thead>
                <tr>
                    <th scope="col" class="main">"What went wrong"</th>
                    <th scope="col" class="aside">"State"</th>
                    <th scope="col" class="sub">"Kind"</th>
                    {is_of_many.then(|| view! { <th scope="col" class="num">"Devices"</th> })}
                    <th scope="col" class="num">"Times"</th>
                    {(!is_of_many).then(|| view! { <th scope="col">"Agent"</th> })}
                    <th scope="col">"First seen"</th>
                    <th scope="col" class="sub-aside">"Last seen"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}

/// The devices that report one error; the one whose report is shown is marked.
#[component]
pub(super) fn ReportingDevices(reports: Vec<ErrorReportView>, shown: Option<String>) -> impl IntoView {
    let rows = reports.into_iter().map(move |report| {
        let href = href_of(&report);
        let is_shown = shown.as_deref() == Some(report.device_id.to_string().as_str());
        view! {
            <tr aria-current=is_shown.then_some("true")>
                <td class="main"><a class="row-link" href=href data-noscroll="true">{report.device_name}</a></td>
                <td class="aside"><ErrorStateMark state=report.state/></td>
                <td class="sub">{report.business_name}</td>
                <td class="num"><Count value=report.occurrences/></td>
                <td class="mono">{report.agent_version}</td>
                <td class="sub-aside"><Time at=report.last_at/></td>
            </tr>
        }
    });
    view! {
        <Table label="Devices that report it">
            <thead>
                <tr>
                    <th scope="col" class="main">"Device"</th>
                    <th scope="col" class="aside">"State"</th>
                    <th scope="col" class="sub">"Business"</th>
                    <th scope="col" class="num">"Times"</th>
                    <th scope="col">"Agent"</th>
                    <th scope="col" class="sub-aside">"Last seen"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
