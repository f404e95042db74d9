//! The tab with what runs of us on a device: the build, the channel that it follows, and every update with how it went.

use super::{
    calls::{SetChannel, get_channel},
    page::Shown,
};
use crate::{
    layout::{refetch_after, use_me},
    live,
    rollout::{UpdateMark, calls::list_device_updates, fetched, gap, why},
    ui::{
        Absent, Bytes, Choice, EmptyState, Exact, Fact, Facts, Form, Hidden, Listing, Load, Notice, Panel,
        Select, StatusKind, Submit,
    },
};
use entity::{
    agent_release::ReleaseChannelView,
    page::Page,
    policy::Action,
    portal_event::PortalEvent,
    release::Channel,
    rollout::UpdateQuery,
    update::{Running, UpdateState, UpdateView},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// What runs, what may come, what came.
#[component]
pub(super) fn UpdatesTab(shown: Shown) -> impl IntoView {
    let id = shown.id;
    let may_change = use_me().may(Action::ManageDevice);
    let params = use_query_map();
    let path = shown.path("updates");
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url(path.clone(), params, &[])));
    let channel = Resource::new(|| (), move |()| get_channel(id));
    let updates = Resource::new(
        move || asked.get(),
        move |asked| {
            list_device_updates(id, UpdateQuery { cursor: asked.cursor(), ..UpdateQuery::default() })
        },
    );
    live::refetch_on(channel, move |event| shown.is_about(event));
    // A rollout moves for many devices; which of them moved is not told.
    live::refetch_on(updates, move |event| {
        matches!(event, PortalEvent::Rollout { .. })
            || matches!(event, PortalEvent::Device { device_id, .. } if *device_id == id)
    });
    let change = ServerAction::<SetChannel>::new();
    refetch_after(change, channel);
    view! {
        <Load resource=channel skeleton=3 let:found>
            <Build found=found.clone()/>
            <ChannelPanel found may_change change/>
        </Load>
        <Load resource=updates skeleton=3 let:page>
            <History page asked=asked.get_untracked()/>
        </Load>
    }
}

/// The build that runs.
#[component]
fn Build(found: ReleaseChannelView) -> impl IntoView {
    view! {
        <Panel title="What runs">
            {match found.running {
                Some(running) => view! { <Known running/> }.into_any(),
                None => view! {
                    <p class="quiet">"The agent has not said yet which build it is; older ones do not."</p>
                }
                .into_any(),
            }}
        </Panel>
    }
}

#[component]
fn Known(running: Running) -> impl IntoView {
    let is_release = running.seq > 0;
    let supervised = running.is_supervised;
    view! {
        <Facts>
            <Fact label="Version"><span class="mono">{running.version}</span></Fact>
            <Fact label="Sequence">
                {if is_release {
                    running.seq.to_string().into_any()
                } else {
                    view! { <span class="quiet">"none: this build is no release"</span> }.into_any()
                }}
            </Fact>
            <Fact label="Build"><span class="mono">{running.build_id}</span></Fact>
            <Fact label="SHA-256">
                {match running.sha256 {
                    Some(digest) => view! { <span class="mono">{digest.to_string()}</span> }.into_any(),
                    None => view! { <Absent/> }.into_any(),
                }}
            </Fact>
            {running.libc.map(|libc| view! { <Fact label="C library">{libc.label()}</Fact> })}
        </Facts>
        {(!supervised).then(|| view! {
            <Notice kind=StatusKind::Warn>
                "No supervisor started this agent, so it cannot put another one in its place. Install it anew to get updates."
            </Notice>
        })}
    }
}

#[component]
fn ChannelPanel(
    found: ReleaseChannelView,
    may_change: bool,
    change: ServerAction<SetChannel>,
) -> impl IntoView {
    let about = match found.channel {
        Channel::Stable => "It gets releases for everybody.",
        Channel::Beta => "It gets releases of beta, before others do.",
    };
    let of_business = format!("That of its business: {}", found.business_channel.label());
    let own = Channel::ALL.iter().map(|channel| Choice::new(channel.word(), channel.label()));
    let options: Vec<Choice> = std::iter::once(Choice::new("", of_business)).chain(own).collect();
    let value = found.own_channel.map(|channel| channel.word().to_owned()).unwrap_or_default();
    view! {
        <Panel title="Channel" facts=found.channel.label()>
            <p class="quiet">{about}</p>
            {may_change.then(|| view! {
                <Form action=change class="form form-row channel-form">
                    <Hidden name="id" value=found.device_id.to_string()/>
                    <Select name="channel" label="Follows" options value/>
                    <Submit kind=crate::ui::ButtonKind::Plain>"Change channel"</Submit>
                </Form>
            })}
        </Panel>
    }
}

#[component]
fn History(page: Page<UpdateView>, asked: Listing) -> impl IntoView {
    if page.items.is_empty() {
        return view! {
            <Panel title="Updates">
                <EmptyState title="No updates">
                    "As soon as a rollout reaches this device, every step of its update stands here, and if it went wrong, why."
                </EmptyState>
            </Panel>
        }
        .into_any();
    }
    let pager = asked.pager(page.items.len(), page.total, page.next_cursor.as_deref());
    view! {
        <Panel title="Updates">
            <ol class="update-list">
                {page.items.into_iter().map(|update| view! { <One update/> }).collect_view()}
            </ol>
        </Panel>
        {pager}
    }
    .into_any()
}

#[component]
fn One(update: UpdateView) -> impl IntoView {
    let rollout = format!("/rollouts/{}", update.rollout_id);
    let reason = why(&update);
    let fetched = fetched(&update);
    let gap = update.gap_ms.map(gap);
    let again = (update.attempts > 1).then(|| format!("Granted {} times.", update.attempts));
    let lines = update.log_lines.join("\n");
    let log = (!lines.is_empty()).then(|| view! {
        <details class="exactly">
            <summary>"The last lines of the build that was put away"</summary>
            <pre class="code update-log" tabindex="0" role="region" aria-label="Last lines of the log"><code>{lines}</code></pre>
        </details>
    });
    let stays = update.state == UpdateState::Confirmed;
    view! {
        <li class="update">
            <div class="update-head">
                <UpdateMark state=update.state/>
                <b>
                    <span class="mono">{update.from_version}</span> " → " <span class="mono">{update.version}</span>
                </b>
                <a href=rollout>{update.rollout_name}</a>
                <span class="quiet"><Exact at=update.changed_at/></span>
            </div>
            {reason.map(|reason| view! { <p>{reason}</p> })}
            {fetched.map(|(done, total)| view! {
                <p class="quiet"><Bytes value=done/> " of " <Bytes value=total/> " fetched."</p>
            })}
            {gap.map(|gap| view! {
                <p class="quiet">
                    "No agent ran for " {gap} {if stays { " during the change." } else { "." }}
                </p>
            })}
            {again.map(|words| view! { <p class="quiet">{words}</p> })}
            {log}
        </li>
    }
}
