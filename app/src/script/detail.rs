//! The page of one script: its last text with what a device has to be told, its versions, and the forms that change it.

use super::{
    calls::{AddVersion, ArchiveScript, ChangeScript, get_script, get_version, list_versions},
    list::VersionFields,
};
use crate::{
    command::{Script, shell_label},
    layout::{PageHead, load_named, refetch_after, use_me},
    ui::{
        ButtonKind, Confirm, CopyField, Exact, Fact, Facts, Field, Form, Hidden, LinkButton, Load, Notice,
        Panel, StatusKind, Submit, Table, TextArea, Time,
    },
};
use entity::{
    command::REASON_MAX,
    id::{ScriptId, ScriptVersionId},
    input::NAME_MAX,
    policy::Action,
    script::{ScriptVersionRow, ScriptVersionView, ScriptView},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

type Known = (ScriptView, Vec<ScriptVersionRow>, ScriptVersionView);

/// One script. `?version=` names another version than the last.
#[component]
pub fn ScriptPage() -> impl IntoView {
    let me = use_me();
    let (may_manage, may_ask) = (me.may(Action::ManageScript), me.may(Action::RequestCommand));
    let params = use_query_map();
    let asked = Memo::new(move |_| {
        params.with(|params| params.get("version").and_then(|text| text.parse::<ScriptVersionId>().ok()))
    });
    let known = load_named("id", move |id: ScriptId| {
        let asked = asked.get();
        async move {
            let (script, versions) = (get_script(id).await?, list_versions(id).await?);
            let wanted = asked.filter(|asked| versions.iter().any(|version| version.id == *asked));
            let text = get_version(wanted.unwrap_or(script.latest.id)).await?;
            Ok::<Known, _>((script, versions, text))
        }
    });
    let (add, change, archive) = (
        ServerAction::<AddVersion>::new(),
        ServerAction::<ChangeScript>::new(),
        ServerAction::<ArchiveScript>::new(),
    );
    refetch_after(add, known);
    refetch_after(change, known);
    refetch_after(archive, known);
    view! {
        <Load resource=known let:found>
            {
                let (script, versions, text) = found;
                let is_there = script.archived_at.is_none();
                view! {
                    <Head script=script.clone() version=text.version.id may_ask=may_ask && is_there/>
                    <TextPanel text=text.clone() latest=script.latest.version/>
                    <Versions script=script.id versions/>
                    {(may_manage && is_there).then(|| view! { <Forms script text add change archive/> })}
                }
            }
        </Load>
    }
}

#[component]
fn Head(script: ScriptView, version: ScriptVersionId, may_ask: bool) -> impl IntoView {
    let title = script.script_name.clone();
    let whose = script.business_name.clone().unwrap_or_else(|| "All businesses".to_owned());
    let (description, archived) = (script.description.clone(), script.archived_at);
    let whose_only = script.business_id.map(|id| format!("&business_id={id}")).unwrap_or_default();
    let run = format!("/commands/new?kind=run_script&script_version_id={version}{whose_only}");
    view! {
        <PageHead
            title
            up=("Scripts", "/scripts")
            facts=move || view! {
                <ul class="fact-line">
                    <li>{whose.clone()}</li>
                    {archived.map(|at| view! { <li>"Put away " <Time at/></li> })}
                    {(!description.is_empty()).then(|| view! { <li>{description.clone()}</li> })}
                </ul>
            }.into_any()
            action=move || may_ask.then(|| view! {
                <LinkButton href=run.clone() kind=ButtonKind::Primary>"Run it"</LinkButton>
            }).into_any()
        />
    }
}

#[component]
fn TextPanel(text: ScriptVersionView, latest: u64) -> impl IntoView {
    let version = text.version;
    let is_old = version.version < latest;
    let allow = format!("sudo reeve-agent lock arm --for 2h --allow run_script:{}", version.script_sha256);
    view! {
        <Panel title=format!("Version {}", version.version)>
            <div class="stack">
                {is_old.then(|| view! { <Notice kind=StatusKind::Info>"There is a newer version."</Notice> })}
                <Facts>
                    <Fact label="Read by">{shell_label(version.shell)}</Fact>
                    <Fact label="Written">
                        {version.created_by.map(|who| format!("{who}, "))} <Exact at=version.created_at/>
                    </Fact>
                    <Fact label="Parameters">
                        {if version.parameters.is_empty() { "none".to_owned() } else { version.parameters.join(", ") }}
                    </Fact>
                    <Fact label="SHA-256"><span class="mono">{version.script_sha256}</span></Fact>
                </Facts>
                <Script text=text.script/>
                <CopyField label="To allow it on a device, type there" value=allow/>
            </div>
        </Panel>
    }
}

#[component]
fn Versions(script: ScriptId, versions: Vec<ScriptVersionRow>) -> impl IntoView {
    let rows = versions.into_iter().map(move |version| {
        let href = format!("/scripts/{script}?version={}", version.id);
        view! {
            <tr>
                <td class="main"><a class="row-link" href=href>"Version " {version.version}</a></td>
                <td class="sub mono" title=version.script_sha256.clone()>
                    {version.script_sha256.get(..12).unwrap_or_default().to_owned()} "…"
                </td>
                <td>{version.created_by.clone()}</td>
                <td class="aside"><Time at=version.created_at/></td>
            </tr>
        }
    });
    view! {
        <Panel title="Versions">
            <Table label="Versions">
                <thead>
                    <tr>
                        <th scope="col" class="main">"Version"</th>
                        <th scope="col" class="sub">"SHA-256"</th>
                        <th scope="col">"Written by"</th>
                        <th scope="col" class="aside">"Written"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </Table>
        </Panel>
    }
}

#[component]
fn Forms(
    script: ScriptView,
    text: ScriptVersionView,
    add: ServerAction<AddVersion>,
    change: ServerAction<ChangeScript>,
    archive: ServerAction<ArchiveScript>,
) -> impl IntoView {
    let id = script.id.to_string();
    let (changed, archived) = (id.clone(), id.clone());
    let name = script.script_name.clone();
    let version = text.version;
    view! {
        <Panel title="New version">
            <Form action=add class="form script-form">
                <Hidden name="id" value=id/>
                <VersionFields script=text.script shell=version.shell parameters=version.parameters.join("\n")/>
                <Submit>"Add version"</Submit>
            </Form>
        </Panel>
        <Panel title="Change">
            <Form action=change>
                <Hidden name="id" value=changed/>
                <Field name="input[script_name]" label="Name" value=script.script_name required=true max_length=NAME_MAX autocomplete="off"/>
                <TextArea name="input[description]" label="What it is for" value=script.description rows=2 max_length=REASON_MAX/>
                <Submit>"Save"</Submit>
            </Form>
            <Confirm action=archive label="Put away" title=format!("Put {name} away?") confirm="Put away">
                <p>"It can no longer be asked for. Its versions stay readable."</p>
                <Hidden name="id" value=archived/>
            </Confirm>
        </Panel>
    }
}
