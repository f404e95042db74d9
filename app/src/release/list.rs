//! The releases, newest first. All of the list's state is in the URL.

use super::{
    calls::{list_releases, list_roots},
    words::{ChannelBadge, ReleaseMark, platforms_words},
};
use crate::{
    layout::{PageHead, use_me},
    live,
    ui::{
        ButtonKind, Choice, Code, Count, EmptyState, FilterBar, FilterSearch, FilterSelect, LinkButton,
        Listing, Load, Notice, Panel, StatusKind, Table, Time,
    },
};
use entity::{
    agent_release::{ReleaseQuery, ReleaseState, ReleaseView},
    page::Page,
    policy::Action,
    portal_event::PortalEvent,
    release::Channel,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

const PATH: &str = "/releases";
/// What makes the first release, as docs/releases.md has it.
const FIRST_RELEASE: &str = "\
# a copy of each program that was built, with what it is written into it
reeve-release stamp target/agent/reeve-agent --version 1.4.0 --seq 1 --build-id 1.4.0-8f3c2a1 --out out/reeve-agent

# N: config_schema and spool_schema, as “reeve-agent selfcheck” prints them
reeve-release sign --root 1.root.json --first --config-schema N --spool-schema N --version 1.4.0 --seq 1 \\
  --agent out/reeve-agent --notes-file notes.md --log releases.log --key release.key --out 1.manifest.json

# then upload both here, or at the server's command line
reeve release import 1.manifest.json out/reeve-agent";
const KEYS: [&str; 3] = ["search", "channel", "state"];

/// What was released, and how far it has come.
#[component]
pub fn ReleaseListPage() -> impl IntoView {
    let may_manage = use_me().may(Action::ManageRelease);
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url(PATH, params, &KEYS)));
    let releases = Resource::new(
        move || asked.get(),
        move |asked| async move {
            let query = ReleaseQuery {
                channel: asked.value("channel"),
                state: asked.value("state"),
                search: asked.text("search"),
                cursor: asked.cursor(),
                limit: None,
            };
            let (page, roots) = (list_releases(query).await?, list_roots().await?);
            Ok((page, !roots.is_empty()))
        },
    );
    live::refetch_on(releases, |event| matches!(event, PortalEvent::Release));
    view! {
        <PageHead
            title="Releases"
            facts=|| view! { <span>"Versions of the agent that were signed, and the files that belong to them."</span> }.into_any()
            action=move || view! {
                <LinkButton href="/releases/roots" kind=ButtonKind::Quiet>"Roots"</LinkButton>
                {may_manage.then(|| view! {
                    <LinkButton href="/releases/upload" kind=ButtonKind::Primary>"Upload"</LinkButton>
                })}
            }.into_any()
        />
        {move || view! { <ReleaseFilter asked=asked.get()/> }}
        <Load resource=releases let:found>
            <Found page=found.0 has_root=found.1 may_manage asked=asked.get_untracked()/>
        </Load>
    }
}

#[component]
fn ReleaseFilter(asked: Listing) -> impl IntoView {
    let text = |key: &str| asked.text(key).unwrap_or_default();
    let any = |label: &str| std::iter::once(Choice::new("", label));
    let channels = Channel::ALL.iter().map(|channel| Choice::new(channel.word(), channel.label()));
    let states = ReleaseState::ALL.iter().map(|state| Choice::new(state.word(), state.label()));
    let (search, channel, state) = (text("search"), text("channel"), text("state"));
    view! {
        <FilterBar action=PATH>
            <FilterSearch label="Search versions" value=search/>
            <FilterSelect name="channel" label="Channel" options=any("Any channel").chain(channels).collect() value=channel/>
            <FilterSelect name="state" label="State" options=any("Any state").chain(states).collect() value=state/>
        </FilterBar>
    }
}

/// The releases, or what the next step is.
#[component]
fn Found(page: Page<ReleaseView>, has_root: bool, may_manage: bool, asked: Listing) -> impl IntoView {
    if page.items.is_empty() {
        return view! { <Nothing is_filtered=asked.is_filtered() || asked.cursor().is_some() has_root may_manage/> }
            .into_any();
    }
    let (shown, next) = (page.items.len(), page.next_cursor);
    let pager = asked.pager(shown, page.total, next.as_deref());
    let rows = page.items.into_iter().map(|release| view! { <Row release/> });
    view! {
        {(!has_root).then(|| view! { <Notice kind=StatusKind::Warn>"There is no root yet: no device takes any of these."</Notice> })}
        <Table label="Releases">
            <thead>
                <tr>
                    <th scope="col" class="main">"Version"</th>
                    <th scope="col" class="num">"Sequence"</th>
                    <th scope="col" class="sub">"Channel"</th>
                    <th scope="col" class="aside">"State"</th>
                    <th scope="col">"Platforms"</th>
                    <th scope="col">"Files"</th>
                    <th scope="col" class="num">"Devices"</th>
                    <th scope="col">"Uploaded by"</th>
                    <th scope="col" class="sub-aside">"Uploaded"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
        {pager}
    }
    .into_any()
}

#[component]
fn Row(release: ReleaseView) -> impl IntoView {
    let href = format!("/releases/{}", release.id);
    let by = release.created_by.clone().unwrap_or_else(|| "command line".to_owned());
    let files = format!("{} of {}", release.artifacts_stored, release.artifacts);
    view! {
        <tr>
            <td class="main"><a class="row-link mono" href=href>{release.version.clone()}</a></td>
            <td class="num">{release.seq}</td>
            <td class="sub"><ChannelBadge channel=release.channel/></td>
            <td class="aside"><ReleaseMark release=release.clone()/></td>
            <td>{platforms_words(&release.platforms)}</td>
            <td>{files}</td>
            <td class="num"><Count value=release.devices/></td>
            <td>{by}</td>
            <td class="sub-aside"><Time at=release.created_at/></td>
        </tr>
    }
}

/// Why there is none, and what comes first.
#[component]
fn Nothing(is_filtered: bool, has_root: bool, may_manage: bool) -> impl IntoView {
    if is_filtered {
        return view! {
            <EmptyState
                title="No release matches"
                action=|| view! { <LinkButton href=PATH>"Show all releases"</LinkButton> }.into_any()
            >
                "Nothing that was uploaded matches all of these filters."
            </EmptyState>
        }
        .into_any();
    }
    let (sentence, href, label) = if has_root {
        (
            "Build and sign a version on the release workstation, then bring the manifest and its programs here.",
            "/releases/upload",
            "Upload a release",
        )
    } else {
        (
            "Devices take only what keys have signed that they trust. Make these keys and their root with \
             “reeve-release” on a machine that is not this server, and bring the root here first.",
            "/releases/roots",
            "Add the first root",
        )
    };
    view! {
        <EmptyState
            title="No releases"
            action=move || may_manage.then(|| view! {
                <LinkButton href kind=ButtonKind::Primary>{label}</LinkButton>
            }).into_any()
        >
            {sentence}
        </EmptyState>
        {has_root.then(|| view! {
            <div class="how-made">
                <Panel title="How one is made">
                    <p>"On the release workstation. Each step and why it is so stands in “docs/releases.md” of the source."</p>
                    <Code text=FIRST_RELEASE label="Commands that make the first release"/>
                </Panel>
            </div>
        })}
    }
    .into_any()
}
