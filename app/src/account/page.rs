//! The page of one's own account.

use super::{
    browser::browser_name,
    calls::{EndSession, list_sessions},
    password::PasswordForm,
};
use crate::{
    layout::{PageHead, use_me},
    ui::{Badge, ButtonKind, Fact, Facts, Form, Hidden, Load, Panel, Submit, Table, Time},
};
use entity::session::SessionView;
use leptos::prelude::*;

/// Who one is, one's password, one's sessions.
#[component]
pub fn AccountPage() -> impl IntoView {
    let me = use_me();
    let end = ServerAction::<EndSession>::new();
    let sessions = Resource::new(move || end.version().get(), |_| list_sessions());
    let role = me.role_label().to_owned();
    view! {
        <PageHead title="Account" facts={ let role = role.clone(); move || role.clone() }/>
        <div class="columns">
            <Panel title="You">
                <Facts>
                    <Fact label="Name">{me.full_name}</Fact>
                    <Fact label="Email address">{me.email}</Fact>
                    <Fact label="Role">{role}</Fact>
                    <Fact label="Business">
                        {me.business_name.unwrap_or_else(|| "None: you work for the provider".to_owned())}
                    </Fact>
                </Facts>
            </Panel>
            <Panel title="Password" facts="Changing it ends your other sessions">
                <PasswordForm/>
            </Panel>
        </div>
        <Panel title="Sessions" facts="Where you are signed in">
            <Load resource=sessions skeleton=2 let:sessions>
                <Sessions sessions end/>
            </Load>
        </Panel>
    }
}

#[component]
fn Sessions(sessions: Vec<SessionView>, end: ServerAction<EndSession>) -> impl IntoView {
    let rows = sessions.into_iter().map(move |session| view! { <SessionRow session end/> }).collect_view();
    view! {
        <Table label="Your sessions">
            <thead>
                <tr>
                    <th scope="col" class="main">"Browser"</th>
                    <th scope="col">"Address"</th>
                    <th scope="col">"Signed in"</th>
                    <th scope="col" class="sub">"Last used"</th>
                    <th scope="col" class="aside"><span class="visually-hidden">"End"</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
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
            <td><Time at=session.created_at/></td>
            <td class="sub"><Time at=session.last_seen_at/></td>
            <td class="aside">{last}</td>
        </tr>
    }
}
