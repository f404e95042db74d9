//! The library: scripts by name, with their last version and its digest.

use super::calls::{AddScript, list_scripts};
use crate::{
    business::{Offered, offered, use_business_like},
    command::shell_label,
    error::PortalError,
    layout::{PageHead, use_me},
    ui::{
        Choice, EmptyState, Field, FilterBar, FilterSearch, FilterSelect, Form, LinkButton, Listing, Load,
        Panel, Select, Submit, Table, TextArea, Time,
    },
};
use entity::{
    command::{REASON_MAX, Shell},
    input::NAME_MAX,
    page::Page,
    policy::Action,
    script::{ScriptQuery, ScriptView},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

const PATH: &str = "/scripts";
const KEYS: [&str; 3] = ["search", "shell", "archived"];

/// Scripts that can be asked for.
#[component]
pub fn ScriptListPage() -> impl IntoView {
    let me = use_me();
    let (may_add, is_msp) = (me.may(Action::ManageScript), me.role.is_msp());
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url(PATH, params, &KEYS)));
    let scripts = Resource::new(
        move || asked.get(),
        |asked| {
            list_scripts(ScriptQuery {
                search: asked.text("search"),
                shell: asked.value("shell"),
                archived: asked.flag("archived").then_some(true),
                cursor: asked.cursor(),
                ..ScriptQuery::default()
            })
        },
    );
    let like = use_business_like();
    let businesses = Resource::new(move || like.get(), move |like| load_offered(is_msp && may_add, like));
    let add = ServerAction::<AddScript>::new();
    view! {
        <PageHead
            title="Scripts"
            up=("Commands", "/commands")
            facts=|| view! { <span>"Each version stays as it was written; a device can allow it by its digest."</span> }.into_any()
        />
        {move || view! { <ScriptFilter asked=asked.get()/> }}
        <Load resource=scripts let:page>
            <Found page asked=asked.get_untracked()/>
        </Load>
        {may_add.then(|| view! {
            <Load resource=businesses skeleton=1 let:businesses>
                <Panel title="Add a script">
                    <Form action=add class="form script-form">
                        <Whose businesses/>
                        <Field name="form[script_name]" label="Name" required=true max_length=NAME_MAX autocomplete="off"/>
                        <TextArea name="form[description]" label="What it is for" rows=2 max_length=REASON_MAX/>
                        <VersionFields/>
                        <Submit>"Add script"</Submit>
                    </Form>
                </Panel>
            </Load>
        })}
    }
}

async fn load_offered(is_asked: bool, like: Option<String>) -> Result<Option<Offered>, PortalError> {
    if is_asked { Ok(Some(offered(like, None).await?)) } else { Ok(None) }
}

/// For whom it is.
#[component]
fn Whose(businesses: Option<Offered>) -> impl IntoView {
    let me = use_me();
    let own = me.business_id;
    let choices: Option<Vec<Choice>> = businesses.map(|offered| offered.choices_for(&me, "All businesses"));
    view! {
        {choices.map(|options| view! { <Select name="form[business_id]" label="For" options/> })}
        {own.map(|id| view! { <crate::ui::Hidden name="form[business_id]" value=id.to_string()/> })}
    }
}

/// What a version is.
#[component]
pub(super) fn VersionFields(
    /// Filled in at first.
    #[prop(optional, into)]
    script: String,
    /// What reads it.
    #[prop(optional)]
    shell: Option<Shell>,
    /// One a line.
    #[prop(optional, into)]
    parameters: String,
) -> impl IntoView {
    let shells = Shell::ALL.iter().map(|shell| Choice::new(shell.word(), shell_label(*shell)));
    let shells: Vec<Choice> = shells.collect();
    view! {
        <Select name="form[shell]" label="Read by" options=shells value=shell.map(Shell::word).unwrap_or_default()/>
        <TextArea name="form[script]" label="Text" value=script rows=12 mono=true/>
        <TextArea
            name="form[parameters]"
            label="Parameters"
            hint="What they are called, one a line, in order."
            value=parameters
            rows=2
            mono=true
        />
    }
}

#[component]
fn ScriptFilter(asked: Listing) -> impl IntoView {
    let text = |key: &str| asked.text(key).unwrap_or_default();
    let shells = Shell::ALL.iter().map(|shell| Choice::new(shell.word(), shell_label(*shell)));
    let shells: Vec<Choice> = std::iter::once(Choice::new("", "Any language")).chain(shells).collect();
    let archived = vec![Choice::new("", "In use"), Choice::new("true", "Also put away")];
    let (search, shell, kept) = (text("search"), text("shell"), text("archived"));
    view! {
        <FilterBar action=PATH>
            <FilterSearch label="Search scripts" value=search/>
            <FilterSelect name="shell" label="Read by" options=shells value=shell/>
            <FilterSelect name="archived" label="Put away" options=archived value=kept/>
        </FilterBar>
    }
}

#[component]
fn Found(page: Page<ScriptView>, asked: Listing) -> impl IntoView {
    if page.items.is_empty() {
        let is_filtered = asked.is_filtered();
        return view! {
            <EmptyState
                title=if is_filtered { "No script matches" } else { "No scripts" }
                action=move || is_filtered.then(|| view! { <LinkButton href=PATH>"Show all scripts"</LinkButton> }).into_any()
            >
                "A script of the library is written once, read by others, and can be allowed on a device by its digest."
            </EmptyState>
        }
        .into_any();
    }
    let (shown, next) = (page.items.len(), page.next_cursor);
    let pager = asked.pager(shown, page.total, next.as_deref());
    let rows = page.items.into_iter().map(|script| {
        let digest = script.latest.script_sha256.get(..12).unwrap_or_default().to_owned();
        let whose = script.business_name.clone().unwrap_or_else(|| "All businesses".to_owned());
        let archived = script.archived_at.is_some().then_some(" · put away");
        view! {
            <tr>
                <td class="main"><a class="row-link" href=format!("/scripts/{}", script.id)>{script.script_name.clone()}</a></td>
                <td class="aside">"Version " {script.latest.version} {archived}</td>
                <td class="sub">{whose}</td>
                <td>{shell_label(script.latest.shell)}</td>
                <td class="mono" title=script.latest.script_sha256.clone()>{digest} "…"</td>
                <td class="sub-aside"><Time at=script.changed_at/></td>
            </tr>
        }
    });
    view! {
        <Table label="Scripts">
            <thead>
                <tr>
                    <th scope="col" class="main">"Script"</th>
                    <th scope="col" class="aside">"Version"</th>
                    <th scope="col" class="sub">"For"</th>
                    <th scope="col">"Read by"</th>
                    <th scope="col">"SHA-256"</th>
                    <th scope="col" class="sub-aside">"Changed"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
        {pager}
    }
    .into_any()
}
