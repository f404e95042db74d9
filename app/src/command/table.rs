//! Rows of commands.

use super::words::{CommandLocks, StateMark};
use crate::ui::{Table, Time};
use entity::command::CommandRow;
use leptos::prelude::*;

/// Commands, one row each, with both locks and where each is.
#[component]
pub(crate) fn CommandTable(
    /// The commands.
    commands: Vec<CommandRow>,
    /// Show for which device.
    #[prop(optional)]
    of_many: bool,
    /// The same is asked of all: a row is about its device.
    #[prop(optional)]
    is_alike: bool,
) -> impl IntoView {
    let of_many = of_many && !is_alike;
    let rows = commands.into_iter().map(move |command| {
        let href = format!("/commands/{}", command.id);
        view! {
            <tr>
                <td class="sub-aside"><StateMark state=command.state/></td>
                <td class="command-locks"><CommandLocks command=command.clone()/></td>
                <td class="main">
                    <a class="row-link" href=href>
                        {if is_alike { command.device_name.clone() } else { command.sentence.clone() }}
                    </a>
                </td>
                {of_many.then(|| view! {
                    <td class="sub" title=command.business_name.clone()>{command.device_name.clone()}</td>
                })}
                {(!is_alike).then(|| view! {
                    <td class=if of_many { "" } else { "sub" }>{command.requested_by.clone()}</td>
                })}
                <td class=if is_alike { "command-detail sub" } else { "command-detail" } title=short(&command)>{short(&command)}</td>
                <td class="aside">
                    <Time at=if is_alike { command.ended_at.or(command.started_at).unwrap_or(command.created_at) } else { command.created_at }/>
                </td>
            </tr>
        }
    });
    view! {
        <Table label="Commands">
            <thead>
                <tr>
                    <th scope="col" class="sub-aside">"State"</th>
                    <th scope="col" class="command-locks">"Locks"</th>
                    <th scope="col" class="main">{if is_alike { "Device" } else { "What" }}</th>
                    {of_many.then(|| view! { <th scope="col" class="sub">"Device"</th> })}
                    {(!is_alike).then(|| view! {
                        <th scope="col" class=if of_many { "" } else { "sub" }>"Asked by"</th>
                    })}
                    <th scope="col" class=if is_alike { "command-detail sub" } else { "command-detail" }>"How it went"</th>
                    <th scope="col" class="aside">{if is_alike { "Last change" } else { "Asked" }}</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}

/// How it went, in a few words.
fn short(command: &CommandRow) -> String {
    match (command.refusal, command.exit_code) {
        (Some(refusal), _) => refusal.sentence().to_owned(),
        (None, Some(code)) if code != 0 => format!("ended with {code}"),
        _ => command.detail.clone(),
    }
}
