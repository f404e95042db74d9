//! Uploading a release: a signed manifest and the programs that it names. Where JavaScript runs they are read and
//! compared before anything is sent; without it the browser sends the form, one program at a time.

use super::{
    calls::get_release, file::Meant, fit::Wanted, upload_item::ItemCard, upload_run::Upload,
    words::ChannelBadge,
};
use crate::{
    error::PortalError,
    layout::{PageHead, use_me},
    ui::{
        Choice, EmptyState, Exact, Fact, Facts, Field, FileDrop, LinkButton, Load, Notice, Panel, Select,
        StatusKind, Submit, TextArea,
        form::{FormContext, FormProblem},
    },
};
use entity::{
    agent_release::{NOTES_MAX, ReleaseDetail},
    id::ReleaseId,
    platform::{Arch, Os},
    policy::Action,
    problem::Problem,
    release::{ArtifactKind, Libc},
};
use leptos::{context::Provider, ev, prelude::*};
use leptos_router::hooks::use_query_map;
use server_fn::error::ServerFnUrlError;
use std::sync::Arc;
use web_sys::File;

/// Where the form goes without JavaScript: a twin of the REST route that answers with a page.
pub const FORM_PATH: &str = "/portal/release/upload";

/// Signed manifest and programs. `?release=` names a release that some files are missing of.
#[component]
pub fn UploadPage() -> impl IntoView {
    if !use_me().may(Action::ManageRelease) {
        return view! {
            <PageHead title="Upload a release" up=("Releases", "/releases")/>
            <EmptyState title="Not yours to upload">
                "Bringing releases is for people of the provider who manage them. Somebody who may can give you that permission."
            </EmptyState>
        }
        .into_any();
    }
    let params = use_query_map();
    let asked = Memo::new(move |_| {
        params.with(|params| params.get("release").and_then(|text| text.parse::<ReleaseId>().ok()))
    });
    let known = Resource::new(move || asked.get(), load_known);
    view! {
        <PageHead
            title="Upload a release"
            up=("Releases", "/releases")
            facts=|| view! {
                <span>"What was built and signed on the release workstation. This server believes nothing that is not signed."</span>
            }.into_any()
        />
        <Load resource=known skeleton=4 let:known>
            <UploadForm known/>
        </Load>
    }
    .into_any()
}

async fn load_known(id: Option<ReleaseId>) -> Result<Option<ReleaseDetail>, PortalError> {
    match id {
        Some(id) => Ok(Some(get_release(id).await?)),
        None => Ok(None),
    }
}

#[component]
fn UploadForm(known: Option<ReleaseDetail>) -> impl IntoView {
    let upload = Upload::new(known.clone(), refused_before());
    on_cleanup(move || upload.leave());
    // Whoever closes the page while bytes go is asked first.
    Effect::new(move |_| {
        let leaving = window_event_listener(ev::beforeunload, move |event| {
            if upload.pending.try_get_untracked().unwrap_or_default() {
                event.prevent_default();
            }
        });
        on_cleanup(move || leaving.remove());
    });
    let context = FormContext {
        id: "upload",
        problem: upload.problem.into(),
        pending: upload.pending.into(),
        fields: StoredValue::new(Vec::new()),
        again: StoredValue::new(Arc::new(move || upload.start())),
    };
    let take_manifest = Callback::new(move |files: Vec<File>| upload.take(files, Meant::Manifest));
    let take_programs = Callback::new(move |files: Vec<File>| upload.take(files, Meant::Program));
    let (version, notes) = known
        .as_ref()
        .map(|known| (known.release.version.clone(), known.release.notes.clone()))
        .unwrap_or_default();
    let content = move || {
        let fields = view! {
            <FileDrop
                name="manifest"
                label="Signed manifest"
                hint="What “reeve-release sign” wrote. It is needed once for each release."
                accept=".json,application/json"
                on_files=take_manifest
            />
            <ManifestFacts upload known/>
            <Field name="version" label="Version" value=version mono=true autocomplete="off"/>
            <TextArea
                name="notes"
                label="Notes"
                hint="What is new, for people. What the manifest says, unless something else stands here."
                value=notes
                rows=4
                max_length=NOTES_MAX
            />
            <WithoutJs/>
            <FileDrop
                name="file"
                label="Programs"
                hint="As they were built: one file for each system and processor."
                multiple=true
                forgets=true
                on_files=take_programs
            />
        };
        view! { <FormProblem context step_up=upload.step_up/> {fields} }
    };
    view! {
        <Panel title="What to upload">
            <Provider value=context>
                <form
                    node_ref=upload.form
                    class="form upload-form"
                    method="post"
                    action=FORM_PATH
                    enctype="multipart/form-data"
                    on:submit=move |event: ev::SubmitEvent| {
                        event.prevent_default();
                        upload.start();
                    }
                >
                    {content()}
                    <Items upload/>
                    <Submit>"Upload"</Submit>
                    <Outcome upload/>
                </form>
            </Provider>
        </Panel>
    }
}

/// The page of the form, with what was wrong with one that was sent without JavaScript: as a server function would lead
/// there.
#[cfg(feature = "ssr")]
#[must_use]
pub fn refused_path(problem: Problem) -> String {
    // Only the path and the query of the address are used.
    let told =
        ServerFnUrlError::new(FORM_PATH, PortalError(problem)).to_url("http://localhost/releases/upload");
    match told {
        Ok(url) => format!("{}?{}", url.path(), url.query().unwrap_or_default()),
        Err(_) => "/releases/upload".to_owned(),
    }
}

/// What was wrong with a form that was sent without JavaScript: the address carries it.
fn refused_before() -> Option<Problem> {
    let params = use_query_map();
    let carried = params.with_untracked(|params| params.get("__err"))?;
    Some(ServerFnUrlError::<PortalError>::decode_err(&carried).0)
}

/// What a program does not say of itself to a browser without JavaScript.
#[component]
fn WithoutJs() -> impl IntoView {
    let any = || std::iter::once(Choice::new("", "As the file and the manifest say"));
    let kinds = ArtifactKind::ALL.iter().map(|kind| Choice::new(kind.word(), kind.label()));
    let systems = Os::ALL.iter().map(|os| Choice::new(os.word(), os.label()));
    let arches = Arch::ALL.iter().map(|arch| Choice::new(arch.word(), arch.word()));
    let libcs = Libc::ALL.iter().map(|libc| Choice::new(libc.word(), libc.label()));
    let (kinds, systems): (Vec<Choice>, Vec<Choice>) =
        (any().chain(kinds).collect(), any().chain(systems).collect());
    let (arches, libcs): (Vec<Choice>, Vec<Choice>) =
        (any().chain(arches).collect(), any().chain(libcs).collect());
    view! {
        <div class="upload-fields without-js">
            <Select name="kind" label="What it is" options=kinds/>
            <Select name="os" label="System" options=systems/>
            <Select name="arch" label="Processor" options=arches/>
            <Select name="libc" label="C library" hint="Of programs for Linux." options=libcs/>
        </div>
    }
}

/// What the manifest says that was chosen, or that of the release which the page is about.
#[component]
fn ManifestFacts(upload: Upload, known: Option<ReleaseDetail>) -> impl IntoView {
    move || match (upload.manifest.get(), known.clone()) {
        (Some(chosen), _) => {
            let manifest = chosen.manifest;
            let files: Vec<String> =
                manifest.artifacts.iter().map(|artifact| Wanted::from(artifact).words()).collect();
            view! {
                <div class="upload-manifest">
                    <Facts>
                        <Fact label="Release">{manifest.version.as_str().to_owned()} ", sequence " {manifest.seq}</Fact>
                        <Fact label="For"><ChannelBadge channel=manifest.channel/></Fact>
                        <Fact label="Signed"><Exact at=manifest.issued/></Fact>
                        <Fact label="Good until"><Exact at=manifest.expires/></Fact>
                        <Fact label="Signatures">{chosen.signatures} ", looked at by the server"</Fact>
                    </Facts>
                    <ul class="upload-wanted">{files.into_iter().map(|words| view! { <li>{words}</li> }).collect_view()}</ul>
                </div>
            }
            .into_any()
        }
        (None, Some(known)) => {
            let missing = known.artifacts.iter().filter(|artifact| artifact.stored_at.is_none());
            let missing: Vec<String> = missing.map(|artifact| Wanted::from(artifact).words()).collect();
            let title = if missing.is_empty() { "Nothing is missing." } else { "Still missing:" };
            view! {
                <div class="upload-manifest">
                    <p>"The manifest of " {known.release.version} " is here. " {title}</p>
                    <ul class="upload-wanted">{missing.into_iter().map(|words| view! { <li>{words}</li> }).collect_view()}</ul>
                </div>
            }
            .into_any()
        }
        (None, None) => ().into_any(),
    }
}

/// The programs that were chosen.
#[component]
fn Items(upload: Upload) -> impl IntoView {
    let wanted = Signal::derive(move || upload.wanted());
    let remove = Callback::new(move |id| upload.items.update(|items| items.retain(|item| item.id != id)));
    let again = Callback::new(move |id| upload.again(id));
    view! {
        <ul class="uploads needs-js" aria-label="Chosen programs">
            <For each=move || upload.items.get() key=|item| item.id let:item>
                <ItemCard item wanted remove again/>
            </For>
        </ul>
    }
}

/// What came of it.
#[component]
fn Outcome(upload: Upload) -> impl IntoView {
    view! {
        <div role="status">
            {move || upload.answer.get().map(|answer| {
                let release = answer.release;
                let href = format!("/releases/{}", release.id);
                let (kind, words) = if answer.is_complete {
                    (StatusKind::Ok, format!("Release {} is complete: all of its files are here.", release.version))
                } else {
                    let counts = format!("{} of {} files", release.artifacts_stored, release.artifacts);
                    (StatusKind::Info, format!("Release {} is here with {counts}.", release.version))
                };
                view! {
                    <Notice kind>{words}</Notice>
                    <p class="upload-next"><LinkButton href>"Open the release"</LinkButton></p>
                }
            })}
        </div>
    }
}
