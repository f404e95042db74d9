//! The page of one rollout, live: what is going on and why, what may be done about it, its waves with the devices behind
//! every number, its terms, and who decided what.

use super::{
    acts::{Acts, Doing},
    calls::{get_rollout, list_newer, list_trail},
    list::{NotYours, PATH},
    terms::TermsPanel,
    trail::TrailPanel,
    waves::{Numbers, WaveList},
    words::{RolloutMark, meaning, outlook, parts, platform, told},
};
use crate::{
    error::PortalError,
    layout::{PageHead, load_named, named_id, use_me},
    live,
    ui::{Load, Notice, Panel, StateBar, Time},
};
use entity::{
    agent_release::ReleaseView,
    id::RolloutId,
    policy::Action,
    portal_event::PortalEvent,
    rollout::{RolloutState, RolloutView},
};
use leptos::prelude::*;

/// A rollout, and the releases that could undo it.
pub(super) type Known = (RolloutView, Vec<ReleaseView>);

/// One rollout.
#[component]
pub fn RolloutPage() -> impl IntoView {
    let me = use_me();
    if !me.role.is_msp() {
        return view! { <NotYours/> }.into_any();
    }
    let sees_trail = me.may(Action::ViewAudit);
    let id = named_id::<RolloutId>("id");
    let known = load_named("id", load);
    let trail = load_named("id", move |id| load_trail(sees_trail, id));
    let is_about = move |event: &PortalEvent| matches!(event, PortalEvent::Rollout { rollout_id, .. } if Some(*rollout_id) == id.get_untracked());
    live::refetch_on(known, is_about);
    live::refetch_on(trail, is_about);
    let acts = Acts::new(known, trail);
    view! {
        <Load resource=known let:known>
            {
                let (found, newer) = known;
                let (id, state) = (found.rollout.id, found.rollout.state);
                let (waves, facts) = (found.waves.clone(), wave_facts(&found));
                view! {
                    <Head found=found.clone()/>
                    <div class="stack rollout-page">
                        <Outlook found=found.clone()/>
                        <Doing found=found.clone() newer acts/>
                        <Panel title="Waves" facts>
                            <WaveList id waves state/>
                        </Panel>
                        <Platforms found=found.clone()/>
                        <TermsPanel found/>
                    </div>
                }
            }
        </Load>
        <Load resource=trail skeleton=1 let:entries>
            {entries.map(|entries| view! { <TrailPanel entries/> })}
        </Load>
    }
    .into_any()
}

async fn load(id: RolloutId) -> Result<Known, PortalError> {
    let found = get_rollout(id).await?;
    let newer = if found.may.roll_back { list_newer(found.rollout.seq).await? } else { Vec::new() };
    Ok((found, newer))
}

async fn load_trail(
    is_seen: bool,
    id: RolloutId,
) -> Result<Option<Vec<entity::audit::AuditEntryView>>, PortalError> {
    if is_seen { Ok(Some(list_trail(id).await?)) } else { Ok(None) }
}

fn wave_facts(found: &RolloutView) -> String {
    let rollout = &found.rollout;
    match rollout.state {
        RolloutState::Running if found.in_flight > 0 => {
            format!("{} of at most {} devices are about it now", found.in_flight, found.max_in_flight)
        }
        _ => String::new(),
    }
}

#[component]
fn Head(found: RolloutView) -> impl IntoView {
    let rollout = found.rollout;
    let title = rollout.name.clone();
    let facts = move || {
        let rollout = rollout.clone();
        view! {
            <ul class="fact-line">
                <li><RolloutMark state=rollout.state/></li>
                <li><a href=format!("/releases/{}", rollout.release_id)>"Version " {rollout.version}</a></li>
                <li>{rollout.target_label}</li>
                <li>"Made by " {rollout.created_by} ", " <Time at=rollout.created_at/></li>
            </ul>
        }
        .into_any()
    };
    view! { <PageHead title up=("Rollouts", PATH) facts/> }
}

/// What is going on and why, in words.
#[component]
fn Outlook(found: RolloutView) -> impl IntoView {
    let waits = found.waves.iter().find_map(|wave| wave.waiting_for.as_deref());
    let rollout = &found.rollout;
    let words = outlook(rollout, waits);
    let start = found.start_at.filter(|_| !rollout.state.has_begun());
    let has_changed = rollout.state.has_begun();
    let by = found.changed_by.clone().unwrap_or_else(|| "the server".to_owned());
    let at = found.changed_at;
    let undone = found.undone_by.clone();
    let undoes = rollout.undoes.clone();
    view! {
        <Notice kind=meaning(rollout.state)>
            <p class="rollout-outlook">
                {words}
                {start.map(|at| view! { " It starts " <Time at/> "." })}
            </p>
            {has_changed.then(|| view! { <p class="quiet">"Since " <Time at/> ", by " {by} "."</p> })}
            {undone.map(|link| view! {
                <p>"It is undone by " <a href=format!("{PATH}/{}", link.id)>{link.name}</a> "."</p>
            })}
            {undoes.map(|link| view! {
                <p>"It undoes " <a href=format!("{PATH}/{}", link.id)>{link.name}</a> "."</p>
            })}
        </Notice>
    }
}

/// All devices that have their turn, and the same by platform.
#[component]
fn Platforms(found: RolloutView) -> impl IntoView {
    let id = found.rollout.id;
    let counts = found.rollout.counts;
    if counts.total() == 0 {
        return ().into_any();
    }
    let words = told(&counts);
    let platforms = found.platforms.into_iter().map(move |one| {
        let name = platform(one.os, one.arch);
        let words = told(&one.counts);
        view! {
            <li class="rollout-platform">
                <h3>{name}</h3>
                <StateBar counts=parts(&one.counts) label=words/>
                <Numbers id counts=one.counts platform=(one.os, one.arch)/>
            </li>
        }
    });
    let all = super::updates::devices_path(id, None, None, None);
    view! {
        <Panel
            title="Devices"
            facts=words
            actions=move || view! { <a href=all.clone()>"All devices"</a> }.into_any()
        >
            <ul class="rollout-platforms">{platforms.collect_view()}</ul>
        </Panel>
    }
    .into_any()
}
