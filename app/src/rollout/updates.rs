//! The devices of a rollout, behind every number of its page: each with where its update is and why.

use super::{
    calls::{get_rollout, list_updates},
    list::{NotYours, PATH},
    words::{UpdateMark, platform, why},
};
use crate::{
    error::PortalError,
    layout::{PageHead, load_named, named_id, use_me},
    live,
    ui::{
        Bytes, Choice, EmptyState, FilterBar, FilterSearch, FilterSelect, LinkButton, Listing, Load,
        PresenceStatus, Table, Time, format,
    },
};
use entity::{
    id::RolloutId,
    page::Page,
    platform::{Arch, Os},
    portal_event::PortalEvent,
    rollout::{RolloutView, UpdateQuery},
    update::{UpdateState, UpdateView},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

const KEYS: [&str; 5] = ["search", "wave", "state", "os", "arch"];

/// The address of the devices of a rollout that are like this.
pub(super) fn devices_path(
    id: RolloutId,
    wave: Option<u32>,
    state: Option<UpdateState>,
    platform: Option<(Os, Arch)>,
) -> String {
    let wave = wave.map(|wave| wave.to_string());
    let pairs = [
        ("wave", wave.as_deref()),
        ("state", state.map(UpdateState::word)),
        ("os", platform.map(|(os, _)| os.word())),
        ("arch", platform.map(|(_, arch)| arch.word())),
    ];
    crate::ui::listing::link(&format!("{PATH}/{id}/devices"), pairs)
}

fn question(asked: &Listing) -> UpdateQuery {
    UpdateQuery {
        search: asked.text("search"),
        wave: asked.value("wave"),
        state: asked.value("state"),
        os: asked.value("os"),
        arch: asked.value("arch"),
        cursor: asked.cursor(),
        ..UpdateQuery::default()
    }
}

/// The devices of one rollout.
#[component]
pub fn RolloutDevicesPage() -> impl IntoView {
    if !use_me().role.is_msp() {
        return view! { <NotYours/> }.into_any();
    }
    let id = named_id::<RolloutId>("id");
    let rollout = load_named("id", get_rollout);
    let params = use_query_map();
    let asked = Memo::new(move |_| {
        let path = id.get().map(|id| devices_path(id, None, None, None)).unwrap_or_default();
        params.with(|params| Listing::from_url(path, params, &KEYS))
    });
    let updates = Resource::new(
        move || (id.get(), asked.get()),
        |(id, asked)| async move {
            match id {
                Some(id) => list_updates(id, question(&asked)).await,
                None => Err(PortalError::not_found()),
            }
        },
    );
    let is_about = move |event: &PortalEvent| matches!(event, PortalEvent::Rollout { rollout_id, .. } if Some(*rollout_id) == id.get_untracked());
    live::refetch_on(rollout, is_about);
    live::refetch_on(updates, is_about);
    view! {
        <Load resource=rollout skeleton=1 let:found>
            <Head found=found.clone()/>
            {move || view! { <Filter asked=asked.get() waves=found.rollout.waves/> }}
        </Load>
        <Load resource=updates let:page>
            <Found page asked=asked.get_untracked()/>
        </Load>
    }
    .into_any()
}

#[component]
fn Head(found: RolloutView) -> impl IntoView {
    let rollout = found.rollout;
    let words = super::words::told(&rollout.counts);
    view! {
        <PageHead
            title="Devices of the rollout"
            up=(rollout.name, format!("{PATH}/{}", rollout.id))
            facts=move || view! { <span>{words.clone()}</span> }.into_any()
        />
    }
}

#[component]
fn Filter(asked: Listing, waves: u32) -> impl IntoView {
    let text = |key: &str| asked.text(key).unwrap_or_default();
    let any = |label: &str| std::iter::once(Choice::new("", label));
    let numbers = (1..=waves).map(|wave| Choice::new(wave.to_string(), format!("Wave {wave}")));
    let states = UpdateState::ALL.iter().map(|state| Choice::new(state.word(), state.label()));
    let systems = Os::ALL.iter().map(|os| Choice::new(os.word(), os.label()));
    let processors = Arch::ALL.iter().map(|arch| Choice::new(arch.word(), arch.word()));
    let (search, wave, state) = (text("search"), text("wave"), text("state"));
    let (os, arch) = (text("os"), text("arch"));
    view! {
        <FilterBar action=asked.path()>
            <FilterSearch label="Search devices" value=search/>
            <FilterSelect name="wave" label="Wave" options=any("Any wave").chain(numbers).collect() value=wave/>
            <FilterSelect name="state" label="State" options=any("Any state").chain(states).collect() value=state/>
            <FilterSelect name="os" label="Operating system" options=any("Any system").chain(systems).collect() value=os/>
            <FilterSelect name="arch" label="Processor" options=any("Any processor").chain(processors).collect() value=arch/>
        </FilterBar>
    }
}

#[component]
fn Found(page: Page<UpdateView>, asked: Listing) -> impl IntoView {
    if page.items.is_empty() && (asked.is_filtered() || asked.cursor().is_some()) {
        let all = asked.path();
        return view! {
            <EmptyState
                title="No device matches"
                action=move || view! { <LinkButton href=all.clone()>"Show all devices"</LinkButton> }.into_any()
            >
                "No device of this rollout matches all of these filters. Devices of a wave stand here once it is open."
            </EmptyState>
        }
        .into_any();
    }
    if page.items.is_empty() {
        return view! {
            <EmptyState title="No devices yet">
                "The devices of a wave stand here as soon as it is open."
            </EmptyState>
        }
        .into_any();
    }
    let (shown, next) = (page.items.len(), page.next_cursor);
    let pager = asked.pager(shown, page.total, next.as_deref());
    view! { <UpdateTable updates=page.items/> {pager} }.into_any()
}

/// Devices of one rollout, one row each.
#[component]
pub(super) fn UpdateTable(updates: Vec<UpdateView>) -> impl IntoView {
    let rows = updates.into_iter().map(|update| {
        let href = format!("/devices/{}/updates", update.device_id);
        let reason = why(&update).unwrap_or_default();
        let title = reason.clone();
        view! {
            <tr>
                <td class="aside"><UpdateMark state=update.state/></td>
                <td class="main">
                    <a class="row-link" href=href>{update.device_name.clone()}</a>
                </td>
                <td class="sub rollout-target">{update.business_name.clone()}</td>
                <td>{platform(update.os, update.arch)}</td>
                <td><PresenceStatus presence=update.presence/></td>
                <td class="num">{update.wave}</td>
                <td class="rollout-why" title=title>
                    {match fetched(&update) {
                        Some((done, total)) => view! { <Bytes value=done/> " of " <Bytes value=total/> }.into_any(),
                        None => reason.into_any(),
                    }}
                </td>
                <td class="num">{update.gap_ms.map(gap)}</td>
                <td class="sub-aside"><Time at=update.changed_at/></td>
            </tr>
        }
    });
    view! {
        <Table label="Devices of the rollout">
            <thead>
                <tr>
                    <th scope="col" class="aside">"State"</th>
                    <th scope="col" class="main">"Device"</th>
                    <th scope="col" class="sub">"Business"</th>
                    <th scope="col">"Platform"</th>
                    <th scope="col">"Status"</th>
                    <th scope="col" class="num">"Wave"</th>
                    <th scope="col">"What is said of it"</th>
                    <th scope="col" class="num">"Gap"</th>
                    <th scope="col" class="sub-aside">"Since"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}

/// How much of how much a device has fetched, while it fetches.
pub(crate) fn fetched(update: &UpdateView) -> Option<(u64, u64)> {
    let is_fetching = update.state == UpdateState::Downloading;
    update.downloaded_bytes.filter(|_| is_fetching).map(|done| (done, update.size_bytes))
}

/// How long no agent ran.
pub(crate) fn gap(milliseconds: u64) -> String {
    match milliseconds {
        0..10_000 => format!("{milliseconds}\u{a0}ms"),
        longer => format::duration(longer / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_leads_to_its_devices() {
        let id = RolloutId("01890000-0000-7000-8000-000000000001".parse().expect("a UUID"));
        let path = devices_path(id, Some(2), Some(UpdateState::RolledBack), Some((Os::Linux, Arch::X86_64)));
        assert!(path.ends_with("01/devices?wave=2&state=rolled_back&os=linux&arch=x86_64"), "{path}");
        assert!(devices_path(id, None, None, None).ends_with("/devices"));
    }

    #[test]
    fn a_gap_is_exact_while_it_is_short() {
        assert_eq!((gap(312), gap(61_500)), ("312\u{a0}ms".to_owned(), "1\u{a0}min".to_owned()));
    }
}
