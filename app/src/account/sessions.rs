//! The list of one's own sessions, each of which can be ended.

use super::{
    browser::browser_name,
    calls::{EndOtherSessions, EndSession},
};
use crate::ui::{Badge, ButtonKind, Form, Hidden, Submit, Table, Time};
use entity::session::SessionView;
use leptos::prelude::*;

/// The table, and what ends all of them but this one.
#[component]
pub(super) fn Sessions(
    sessions: Vec<SessionView>,
    is_one_page: bool,
    end: ServerAction<EndSession>,
    end_others: ServerAction<EndOtherSessions>,
) -> impl IntoView {
    let has_others = sessions.len() > 1 || !is_one_page;
    let rows = sessions.into_iter().map(move |session| view! { <SessionRow session end/> }).collect_view();
    view! {
        <Table label="Your sessions">
            <thead>
                <tr>
                    <th scope="col" class="main">"Browser"</th>
                    <th scope="col">"Address"</th>
                    <th scope="col">"With"</th>
                    <th scope="col">"Signed in"</th>
                    <th scope="col" class="sub">"Last used"</th>
                    <th scope="col" class="aside"><span class="visually-hidden">"End"</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
        {has_others.then(|| view! {
            <div class="panel-more">
                <Form action=end_others class="form-inline">
                    <Submit kind=ButtonKind::Plain>"End all other sessions"</Submit>
                </Form>
            </div>
        })}
    }
}

#[component]
fn SessionRow(session: SessionView, end: ServerAction<EndSession>) -> impl IntoView {
    let last = if session.is_current {
        view! { <Badge>"This session"</Badge> }.into_any()
    } else {
        view! {
            <Form action=end class="form-inline">
                <Hidden name="id" value=session.id.to_string()/>
                <Submit kind=ButtonKind::Plain>"End"</Submit>
            </Form>
        }
        .into_any()
    };
    view! {
        <tr>
            <td class="main" title=session.user_agent.clone()>{browser_name(&session.user_agent)}</td>
            <td class="mono">{session.source_ip}</td>
            <td>{session.signed_in_with.label()}</td>
            <td><Time at=session.created_at/></td>
            <td class="sub"><Time at=session.last_seen_at/></td>
            <td class="aside">{last}</td>
        </tr>
    }
}
