//! What waits for the one who is looking, on the first page: what, for whom and until when, one step from the decision.

use super::{calls::list_decisions, card::DecisionLocks};
use crate::{
    error::PortalError,
    ui::{Exact, Panel, Table, Time},
};
use entity::{
    approval::{DecisionQuery, DecisionView},
    page::Page,
};
use leptos::prelude::*;

/// Rows that the overview shows.
const SHOWN: u32 = 5;

/// What waits for whoever asks; nothing is asked for those who decide nothing.
///
/// # Errors
/// As the server says.
pub(crate) async fn waiting_for_me(may_decide: bool) -> Result<Page<DecisionView>, PortalError> {
    if !may_decide {
        return Ok(Page { items: Vec::new(), next_cursor: None, total: None });
    }
    list_decisions(DecisionQuery { mine: Some(true), limit: Some(SHOWN), ..DecisionQuery::default() }).await
}

/// The first of them; nothing when nothing waits.
#[component]
pub(crate) fn WaitingPanel(waiting: Page<DecisionView>) -> impl IntoView {
    if waiting.items.is_empty() {
        return ().into_any();
    }
    let more = waiting.next_cursor.is_some();
    let rows = waiting.items.into_iter().map(|found| {
        let request = found.request.clone();
        let href = format!("/commands/requests/{}", request.id);
        let devices = match request.device_name.clone() {
            Some(name) => name,
            None => format!("{} devices", request.targets_count),
        };
        view! {
            <tr>
                <td class="main"><a class="row-link" href=href>{request.sentence.clone()}</a></td>
                <td class="aside"><DecisionLocks found/></td>
                <td class="sub">{devices} " · " {request.business_name}</td>
                <td>{request.requested_by_name} ", " <Time at=request.created_at/></td>
                <td class="sub-aside">"until " <Exact at=request.decide_by/></td>
            </tr>
        }
    });
    view! {
        <Panel
            title="Waits for your decision"
            actions=move || view! { <a href="/approvals">{if more { "All of them" } else { "Approvals" }}</a> }.into_any()
        >
            <Table label="Requests that wait for you">
                <thead>
                    <tr>
                        <th scope="col" class="main">"What"</th>
                        <th scope="col" class="aside">"Locks"</th>
                        <th scope="col" class="sub">"Where"</th>
                        <th scope="col">"Asked by"</th>
                        <th scope="col" class="sub-aside">"To decide"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </Table>
        </Panel>
    }
    .into_any()
}
