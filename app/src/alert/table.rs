//! Rows of alerts.

use super::calls::AcknowledgeAlert;
use crate::{
    layout::use_me,
    ui::{ButtonKind, Form, Hidden, Status, StatusKind, Submit, Table, Time},
};
use entity::{
    alert::{AlertState, AlertView, Severity},
    policy::Action,
};
use leptos::prelude::*;

/// What a state means for a person.
pub(super) const fn meaning(alert: &AlertView) -> StatusKind {
    match (alert.state, alert.severity) {
        (AlertState::Firing, Severity::Critical) => StatusKind::Bad,
        (AlertState::Firing, Severity::Warning) | (AlertState::Pending, _) => StatusKind::Warn,
        (AlertState::Acknowledged, _) => StatusKind::Info,
        (AlertState::Ok | AlertState::Resolved | AlertState::AutoResolved, _) => StatusKind::Off,
    }
}

/// Alerts, one row each, with the one thing that is done most in place.
#[component]
pub(super) fn AlertTable(
    /// The alerts.
    alerts: Vec<AlertView>,
    /// Takes one on.
    acknowledge: ServerAction<AcknowledgeAlert>,
    /// Show whose they are.
    #[prop(optional)]
    of_many: bool,
) -> impl IntoView {
    let may_handle = use_me().may(Action::HandleAlert);
    let rows = alerts.into_iter().map(move |alert| {
        let can_take = may_handle && alert.state == AlertState::Firing;
        let status = meaning(&alert);
        view! {
            <tr>
                <td class="sub-aside"><Status kind=status word=alert.state.label()/></td>
                <td class="main"><a class="row-link" href=format!("/alerts/{}", alert.id)>{alert.message.clone()}</a></td>
                <td>{alert.kind.label()}</td>
                {of_many.then(|| view! { <td class="sub">{alert.device_name.clone()}</td> })}
                {of_many.then(|| view! { <td>{alert.business_name.clone()}</td> })}
                <td class="aside"><Time at=alert.triggered_at/></td>
                <td class="alert-action">
                    {can_take.then(|| view! {
                        <Form action=acknowledge class="form-inline">
                            <Hidden name="id" value=alert.id.to_string()/>
                            <Submit kind=ButtonKind::Plain>"Take on"</Submit>
                        </Form>
                    })}
                    {alert
                        .acknowledged_by
                        .clone()
                        .filter(|_| alert.state == AlertState::Acknowledged)
                        .map(|who| view! { <span>{who}</span> })}
                </td>
            </tr>
        }
    });
    view! {
        <Table label="Alerts">
            <thead>
                <tr>
                    <th scope="col" class="sub-aside">"State"</th>
                    <th scope="col" class="main">"What"</th>
                    <th scope="col">"Kind"</th>
                    {of_many.then(|| view! { <th scope="col" class="sub">"Device"</th> })}
                    {of_many.then(|| view! { <th scope="col">"Business"</th> })}
                    <th scope="col" class="aside">"Since"</th>
                    <th scope="col">"Who"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
