//! The page of rollouts, newest first. All of its state is in the URL.

use super::{
    calls::{list_available, list_rollouts},
    words::{RolloutMark, parts, told},
};
use crate::{
    error::PortalError,
    layout::{PageHead, use_me},
    live,
    ui::{
        ButtonKind, Choice, EmptyState, FilterBar, FilterSearch, FilterSelect, Hidden, LinkButton, Listing,
        Load, StateBar, Table, Time,
    },
};
use entity::{
    page::Page,
    policy::Action,
    portal_event::PortalEvent,
    rollout::{RolloutQuery, RolloutRow, RolloutState},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// Where the rollouts are.
pub(super) const PATH: &str = "/rollouts";
const KEYS: [&str; 3] = ["search", "state", "release_id"];

/// How something reaches devices over time.
#[component]
pub fn RolloutListPage() -> impl IntoView {
    let me = use_me();
    if !me.role.is_msp() {
        return view! { <NotYours/> }.into_any();
    }
    let may_make = me.may(Action::ManageRollout);
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url(PATH, params, &KEYS)));
    let rollouts = Resource::new(
        move || asked.get(),
        |asked| async move {
            let query = RolloutQuery {
                search: asked.text("search"),
                state: asked.value("state"),
                release_id: asked.value("release_id"),
                cursor: asked.cursor(),
                ..RolloutQuery::default()
            };
            let page = list_rollouts(query).await?;
            // Asked only where it decides what comes first.
            let has_release = !page.items.is_empty() || !list_available().await?.is_empty();
            Ok::<_, PortalError>((page, has_release))
        },
    );
    live::refetch_on(rollouts, |event| matches!(event, PortalEvent::Rollout { .. }));
    view! {
        <PageHead
            title="Rollouts"
            facts=|| view! { <span>"How a release reaches devices: a few first, then more, each wave after the one before has proved itself."</span> }.into_any()
            action=move || may_make.then(|| view! {
                <LinkButton href="/rollouts/new" kind=ButtonKind::Primary>"New rollout"</LinkButton>
            }).into_any()
        />
        {move || view! { <RolloutFilter asked=asked.get()/> }}
        <Load resource=rollouts let:found>
            <Found page=found.0 has_release=found.1 asked=asked.get_untracked() may_make/>
        </Load>
    }
    .into_any()
}

/// Stands on every page of rollouts for those whom it does not concern.
#[component]
pub(super) fn NotYours() -> impl IntoView {
    view! {
        <PageHead title="Rollouts"/>
        <EmptyState title="Not yours to see">
            "Your service provider decides when devices get another version of the agent. Which one runs stands among the facts of each device."
        </EmptyState>
    }
}

#[component]
fn RolloutFilter(asked: Listing) -> impl IntoView {
    let text = |key: &str| asked.text(key).unwrap_or_default();
    let states = RolloutState::ALL.iter().map(|state| Choice::new(state.word(), state.label()));
    let states = std::iter::once(Choice::new("", "Any state")).chain(states).collect();
    let (search, state, release) = (text("search"), text("state"), asked.text("release_id"));
    view! {
        <FilterBar action=PATH>
            <FilterSearch label="Search rollouts" value=search/>
            <FilterSelect name="state" label="State" options=states value=state/>
            {release.map(|release| view! { <Hidden name="release_id" value=release/> })}
        </FilterBar>
    }
}

#[component]
fn Found(page: Page<RolloutRow>, has_release: bool, asked: Listing, may_make: bool) -> impl IntoView {
    if page.items.is_empty() && (asked.is_filtered() || asked.cursor().is_some()) {
        return view! {
            <EmptyState
                title="No rollout matches"
                action=|| view! { <LinkButton href=PATH>"Show all rollouts"</LinkButton> }.into_any()
            >
                "Nothing matches all of these filters."
            </EmptyState>
        }
        .into_any();
    }
    if page.items.is_empty() && !has_release {
        return view! {
            <EmptyState
                title="No rollouts"
                action=|| view! { <LinkButton href="/releases">"Open releases"</LinkButton> }.into_any()
            >
                "There is nothing that could be rolled out: a version of the agent has to be signed on the release workstation and brought here first. Releases shows the next step."
            </EmptyState>
        }
        .into_any();
    }
    if page.items.is_empty() {
        return view! {
            <EmptyState
                title="No rollouts"
                action=move || may_make.then(|| view! {
                    <LinkButton href="/rollouts/new" kind=ButtonKind::Primary>"New rollout"</LinkButton>
                }).into_any()
            >
                "A rollout brings a release to devices in waves, stops by itself when too much goes wrong, and shows here how far it has come."
            </EmptyState>
        }
        .into_any();
    }
    let (shown, next) = (page.items.len(), page.next_cursor);
    let pager = asked.pager(shown, page.total, next.as_deref());
    view! { <RolloutTable rollouts=page.items/> {pager} }.into_any()
}

/// Rows of rollouts.
#[component]
pub(crate) fn RolloutTable(
    /// The rollouts.
    rollouts: Vec<RolloutRow>,
) -> impl IntoView {
    let rows = rollouts.into_iter().map(|rollout| {
        let words = told(&rollout.counts);
        let title = words.clone();
        let wave = match (rollout.state.has_begun(), rollout.waves) {
            (false, 1) => "1 wave".to_owned(),
            (false, waves) => format!("{waves} waves"),
            (true, waves) => format!("{} of {waves}", rollout.wave),
        };
        let since = rollout.started_at.unwrap_or(rollout.created_at);
        view! {
            <tr>
                <td class="aside"><RolloutMark state=rollout.state/></td>
                <td class="main rollout-name" title=rollout.name.clone()>
                    <a class="row-link" href=format!("{PATH}/{}", rollout.id)>{rollout.name.clone()}</a>
                </td>
                <td class="mono">{rollout.version.clone()}</td>
                <td class="rollout-target" title=rollout.target_label.clone()>{rollout.target_label.clone()}</td>
                <td class="num">{wave}</td>
                <td class="sub rollout-progress" title=title>
                    <StateBar counts=parts(&rollout.counts) label=words.clone()/>
                    <span class="rollout-words">{words}</span>
                </td>
                <td class="sub-aside"><Time at=since/></td>
            </tr>
        }
    });
    view! {
        <Table label="Rollouts">
            <thead>
                <tr>
                    <th scope="col" class="aside">"State"</th>
                    <th scope="col" class="main">"Rollout"</th>
                    <th scope="col">"Version"</th>
                    <th scope="col">"For"</th>
                    <th scope="col" class="num">"Wave"</th>
                    <th scope="col" class="sub">"Devices"</th>
                    <th scope="col" class="sub-aside">"Since"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
