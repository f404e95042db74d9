//! The roots: who may sign what. The first is believed because people compared its fingerprint; each further one because
//! the one before vouches for it.

use super::{
    calls::{AddRoot, list_roots, look_at_root},
    file,
    words::{End, Fingerprint, role_label, use_end},
};
use crate::{
    error::PortalError,
    layout::{PageHead, use_me},
    live,
    ui::{
        Absent, Code, EmptyState, Exact, Fact, Facts, Field, FileDrop, Form, Load, Notice, Panel, Status,
        StatusKind, Submit, Table, TextArea,
    },
};
use entity::{
    agent_release::{RootKeyView, RootView},
    policy::Action,
    portal_event::PortalEvent,
    problem::Problem,
    release::{ROOT_BYTES_MAX, Role},
};
use leptos::{ev, html, leptos_dom::helpers::TimeoutHandle, prelude::*};
use std::time::Duration;
use wasm_bindgen::JsCast;
use web_sys::{File, HtmlTextAreaElement};

/// What is pasted is looked at once somebody has stopped for this long.
const TYPED: Duration = Duration::from_millis(400);

/// What makes the first root, as docs/releases.md has it.
const FIRST_ROOT: &str = "\
# on a machine without a network, once for each holder
reeve-release keygen --out root-1.key --holder \"Anna Bauer\"
reeve-release keygen --out root-2.key --holder \"Boris Novak\"
reeve-release keygen --out root-3.key --holder \"the safe\"
reeve-release keygen --out release.key --holder \"Dora Klein, releases\"

# on this server; carry the file over to where the keys are
reeve release freshness-key > freshness.pub

# where the keys are: two of the three have to sign
reeve-release root make --root-key root-1.key.pub --root-key root-2.key.pub --root-key root-3.key.pub \\
  --release-key release.key.pub --freshness-key freshness.pub --key root-1.key --out 1.root.json
reeve-release root sign 1.root.json --key root-2.key";

/// The root in force, those before it, and the way to the next.
#[component]
pub fn RootListPage() -> impl IntoView {
    let may_manage = use_me().may(Action::ManageRelease);
    let roots = Resource::new(|| (), |()| list_roots());
    live::refetch_on(roots, |event| matches!(event, PortalEvent::Release));
    // Not drawn anew when something happens: somebody may be filling the form in.
    let has_root = Resource::new(|| (), |()| has_root());
    let add = ServerAction::<AddRoot>::new();
    Effect::new(move |_| {
        add.version().track();
        if add.value().with_untracked(|value| matches!(value, Some(Ok(_)))) {
            roots.refetch();
            has_root.refetch();
        }
    });
    view! {
        <PageHead
            title="Release roots"
            up=("Releases", "/releases")
            facts=|| view! { <span>"Which keys may sign releases. Devices believe these keys, and this server no more than they do."</span> }.into_any()
        />
        <Load resource=roots let:found>
            {
                let is_first = found.is_empty();
                view! {
                    {is_first.then(|| view! { <NoRoot may_manage/> })}
                    <div class="stack">
                        {found.into_iter().map(|root| view! { <Root root/> }).collect_view()}
                    </div>
                }
            }
        </Load>
        {may_manage.then(|| view! {
            <Load resource=has_root skeleton=3 let:has_root>
                <Ceremony add is_first=!has_root/>
            </Load>
        })}
    }
}

async fn has_root() -> Result<bool, PortalError> {
    Ok(!list_roots().await?.is_empty())
}

#[component]
fn NoRoot(may_manage: bool) -> impl IntoView {
    view! {
        <EmptyState title="No root yet">
            "Devices take only what keys have signed that a root names, and they pin the root when they are registered. Make \
             the keys and the root with “reeve-release” on machines that are not this server."
            {(!may_manage).then_some(" Somebody who manages releases can then add it here.")}
        </EmptyState>
        <div class="how-made">
            <Panel title="How it is made">
                <p>
                    "“cargo build --release -p release” builds the tool. It works on files alone, never writes over one, and says \
                     what it refuses. Each step and why it is so stands in “docs/releases.md” of the source."
                </p>
                <Code text=FIRST_ROOT label="Commands that make the first root"/>
            </Panel>
        </div>
    }
}

/// One root with its keys.
#[component]
fn Root(root: RootView) -> impl IntoView {
    let facts = if root.is_current {
        "in force: devices pin it when they are registered"
    } else {
        "followed by another"
    };
    let by = root.added_by.clone().unwrap_or_else(|| "the command line".to_owned());
    let is_current = root.is_current;
    view! {
        <Panel title=format!("Root {}", root.version) facts>
            {is_current.then(|| view! { <Freshness has_key=root.has_freshness_key/> })}
            {is_current.then(|| view! { <Ending expires=root.expires_at/> })}
            <RootFacts root=root.clone()/>
            {root.added_at.map(|at| view! { <p class="quiet">"Added " <Exact at/> " by " {by.clone()} "."</p> })}
            <Keys keys=root.keys/>
        </Panel>
    }
}

#[component]
fn Freshness(has_key: bool) -> impl IntoView {
    (!has_key).then(|| view! {
        <Notice kind=StatusKind::Warn>
            "This server does not hold the freshness key that the root names: devices get no timestamps, and take no \
             updates. Make it with “reeve release freshness-key”, and a root that names it."
        </Notice>
    })
}

#[component]
fn Ending(expires: chrono::DateTime<chrono::Utc>) -> impl IntoView {
    let end = use_end(expires);
    move || {
        match end.get() {
        End::Far => None,
        End::Near => Some(view! {
            <Notice kind=StatusKind::Warn>"It is good until " <Exact at=expires/> ". Make the next root before, and add it here."</Notice>
        }.into_any()),
        End::Past => Some(view! {
            <Notice kind=StatusKind::Bad>"It was good until " <Exact at=expires/> ". Devices take no updates until the next root is added here."</Notice>
        }.into_any()),
    }
    }
}

/// What a root says, above all what people compare.
#[component]
fn RootFacts(root: RootView) -> impl IntoView {
    let told = |role: Role, threshold: u8| {
        let keys = root.keys.iter().filter(|key| key.roles.contains(&role)).count();
        format!("{}: {threshold} of {keys}", role_label(role))
    };
    let thresholds: Vec<String> = root.thresholds.iter().map(|one| told(one.role, one.threshold)).collect();
    let thresholds = thresholds.into_iter().map(|words| view! { <li>{words}</li> }).collect_view();
    view! {
        <div class="root-fingerprint">
            <span class="field-label">"Fingerprint"</span>
            <Fingerprint digest=root.fingerprint.clone()/>
        </div>
        <Facts>
            <Fact label="Keys that have to sign"><ul>{thresholds}</ul></Fact>
            <Fact label="Made"><Exact at=root.issued_at/></Fact>
            <Fact label="Good until"><Exact at=root.expires_at/></Fact>
        </Facts>
    }
}

#[component]
fn Keys(keys: Vec<RootKeyView>) -> impl IntoView {
    let rows = keys.into_iter().map(|key| {
        let roles = key.roles.iter().map(|role| role_label(*role)).collect::<Vec<_>>().join(", ");
        let signs = if roles.is_empty() { view! { <Absent/> }.into_any() } else { roles.into_any() };
        let digest = key.keyid.to_string();
        view! {
            <tr>
                <td class="main">{key.holder}</td>
                <td class="aside">{signs}</td>
                <td class="sub digest mono" title=digest.clone()>{digest.clone()}</td>
            </tr>
        }
    });
    view! {
        <Table label="Keys">
            <thead>
                <tr>
                    <th scope="col" class="main">"Held by"</th>
                    <th scope="col" class="aside">"Signs"</th>
                    <th scope="col" class="sub">"Key, SHA-256"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}

/// What was found in what was chosen or pasted.
type Looked = Option<Result<RootView, Problem>>;

/// Adding a root. It is looked at before it is believed: people read its fingerprint to each other.
#[component]
fn Ceremony(add: ServerAction<AddRoot>, is_first: bool) -> impl IntoView {
    let looked = RwSignal::new(None::<Result<RootView, Problem>>);
    let area = NodeRef::<html::Div>::new();
    let take = Callback::new(move |files: Vec<File>| take(files, area, looked));
    let (title, hint, button) = if is_first {
        (
            "Add the first root",
            "Read it from what “reeve-release” printed for those who made the root, or have them read it to you: not from \
             this page. Nothing else vouches for the first root.",
            "Trust this root",
        )
    } else {
        (
            "Add the next root",
            "Not needed: the root in force vouches for the next one with its own keys. Compared when it stands here.",
            "Add root",
        )
    };
    view! {
        <Panel title>
            <div class="root-form" node_ref=area on:input=follow(area, looked)>
                <div class="needs-js">
                    <FileDrop
                        name="file"
                        label="File of the root"
                        hint="What “reeve-release root” wrote. It fills in the field below."
                        accept=".json,application/json"
                        forgets=true
                        on_files=take
                    />
                </div>
                <Form action=add>
                    <TextArea name="form[root]" label="Signed root" rows=6 mono=true max_length=ROOT_BYTES_MAX/>
                    <div role="status">{move || looked.get().map(|looked| view! { <LookedAt looked/> })}</div>
                    <Field
                        name="form[fingerprint]"
                        label="Fingerprint"
                        hint=hint
                        required=is_first
                        mono=true
                        autocomplete="off"
                    />
                    <Submit>{button}</Submit>
                </Form>
            </div>
        </Panel>
    }
}

/// What the root says, before anybody believes it.
#[component]
fn LookedAt(looked: Result<RootView, Problem>) -> impl IntoView {
    match looked {
        Ok(root) => view! {
            <div class="root-looked">
                <p>
                    <b>{format!("Root {}", root.version)}</b> " "
                    <Status kind=StatusKind::Info word="signed by enough of its own keys; not trusted yet"/>
                </p>
                <RootFacts root=root.clone()/>
                <ul class="root-holders">
                    {root.keys.into_iter().map(|key| {
                        let roles = key.roles.iter().map(|role| role_label(*role)).collect::<Vec<_>>().join(", ");
                        view! { <li>{key.holder} ": " {roles}</li> }
                    }).collect_view()}
                </ul>
            </div>
        }
        .into_any(),
        Err(problem) => view! { <Notice kind=StatusKind::Bad>{problem.detail}</Notice> }.into_any(),
    }
}

/// Fills the field in with a file, and looks at it.
fn take(files: Vec<File>, area: NodeRef<html::Div>, looked: RwSignal<Looked>) {
    leptos::task::spawn_local(async move {
        let Some(chosen) = files.first() else { return };
        match file::read_text(chosen, ROOT_BYTES_MAX).await {
            Ok(text) => {
                fill_in(area, &text);
                look(text, looked).await;
            }
            Err(why) => {
                let _ = looked.try_set(Some(Err(Problem::invalid("root", why))));
            }
        }
    });
}

/// Looks at what is pasted once somebody has stopped typing.
fn follow(area: NodeRef<html::Div>, looked: RwSignal<Looked>) -> impl Fn(ev::Event) + Clone {
    let waiting = StoredValue::new(None::<TimeoutHandle>);
    move |event: ev::Event| {
        let is_root = event.target().is_some_and(|target| target.dyn_ref::<HtmlTextAreaElement>().is_some());
        if !is_root {
            return;
        }
        if let Some(former) = waiting.try_update_value(Option::take).flatten() {
            former.clear();
        }
        let read = move || {
            let text = text_area(area).map(|area| area.value()).unwrap_or_default();
            leptos::task::spawn_local(look(text, looked));
        };
        waiting.set_value(set_timeout_with_handle(read, TYPED).ok());
    }
}

async fn look(text: String, looked: RwSignal<Looked>) {
    let found =
        if text.trim().is_empty() { None } else { Some(look_at_root(text).await.map_err(|error| error.0)) };
    // The page may have gone meanwhile.
    let _ = looked.try_set(found);
}

fn fill_in(area: NodeRef<html::Div>, text: &str) {
    if let Some(area) = text_area(area) {
        area.set_value(text);
    }
}

fn text_area(area: NodeRef<html::Div>) -> Option<HtmlTextAreaElement> {
    area.get_untracked()?.query_selector("textarea").ok()??.dyn_into().ok()
}
