//! On which devices: those that are ticked, or all that are alike.

use super::{compose::PATH, form::CommandForm};
use crate::{
    business::{FilterBusiness, Offered, offered, use_business_like},
    device::calls::list_devices,
    error::PortalError,
    layout::use_me,
    ui::{
        ButtonKind, Choice, EmptyState, FilterBar, FilterSearch, FilterSelect, Hidden, LinkButton, Listing,
        Load, OsName, PresenceStatus, Table, format, listing::link,
    },
};
use entity::{
    device::{DeviceQuery, DeviceRow},
    id::BusinessId,
    page::Page,
    platform::Os,
    presence::Presence,
};
use leptos::prelude::*;
use leptos_router::{components::Form as RouterForm, hooks::use_query_map};

/// Most devices that can be ticked at once: their ids stand in the address.
const SHOWN: u32 = 100;
const KEYS: [&str; 5] = ["search", "business_id", "service_location_id", "os", "status"];

/// Chooses devices.
#[component]
pub(super) fn TargetsStep(asked: CommandForm) -> impl IntoView {
    let is_msp = use_me().role.is_msp();
    let params = use_query_map();
    let listing = Memo::new(move |_| params.with(|params| Listing::from_url(PATH, params, &KEYS)));
    let devices = Resource::new(
        move || listing.get(),
        |listing| {
            list_devices(DeviceQuery {
                search: listing.text("search"),
                business_id: listing.value("business_id"),
                service_location_id: listing.value("service_location_id"),
                os: listing.value("os"),
                status: listing.value("status"),
                limit: Some(SHOWN),
                ..DeviceQuery::default()
            })
        },
    );
    let like = use_business_like();
    let chosen = Memo::new(move |_| (like.get(), listing.with(|listing| listing.value("business_id"))));
    let offered =
        Resource::new(move || chosen.get(), move |(like, business)| load_offered(is_msp, like, business));
    let kept = StoredValue::new(asked.clone());
    view! {
        <p class="compose-lead">"On which devices?"</p>
        <Load resource=offered skeleton=1 let:businesses>
            {move || {
                let (businesses, kept) = (businesses.clone(), kept.get_value());
                view! { <TargetFilterBar listing=listing.get() businesses kept/> }
            }}
        </Load>
        <Load resource=devices let:page>
            <Tickable page asked=asked.clone() is_searched=listing.with_untracked(|listing| listing.text("search").is_some())/>
        </Load>
    }
}

async fn load_offered(
    is_msp: bool,
    like: Option<String>,
    business: Option<BusinessId>,
) -> Result<Option<Offered>, PortalError> {
    if is_msp { Ok(Some(offered(like, business).await?)) } else { Ok(None) }
}

#[component]
fn TargetFilterBar(listing: Listing, businesses: Option<Offered>, kept: CommandForm) -> impl IntoView {
    let text = |key: &str| listing.text(key).unwrap_or_default();
    let any = |label: &str| std::iter::once(Choice::new("", label));
    let systems = Os::ALL.iter().map(|os| Choice::new(os.word(), os.label()));
    let presences = Presence::ALL.iter().map(|presence| Choice::new(presence.word(), presence.label()));
    let (search, os, status) = (text("search"), text("os"), text("status"));
    let chosen = listing.value("business_id");
    view! {
        <FilterBar action=PATH>
            <FilterSearch label="Search devices" value=search/>
            {businesses.map(|offered| view! { <FilterBusiness offered chosen/> })}
            <FilterSelect name="os" label="Operating system" options=any("Any system").chain(systems).collect() value=os/>
            <FilterSelect name="status" label="Status" options=any("Any status").chain(presences).collect() value=status/>
            <Kept asked=kept/>
        </FilterBar>
    }
}

/// What is chosen besides, so that the next step has it.
#[component]
fn Kept(asked: CommandForm) -> impl IntoView {
    let pairs = asked.rest_query().into_iter();
    pairs.map(|(name, value)| view! { <Hidden name value/> }).collect_view()
}

#[component]
fn Tickable(page: Page<DeviceRow>, asked: CommandForm, is_searched: bool) -> impl IntoView {
    if page.items.is_empty() {
        return view! {
            <EmptyState title="No device matches">"No device within your reach matches all of these filters."</EmptyState>
        }
        .into_any();
    }
    let total = page.total.unwrap_or(page.items.len() as u64);
    let all = {
        let alike = CommandForm { all: "true".to_owned(), devices: String::new(), ..asked.clone() };
        let pairs = alike.targets_query().into_iter().chain(alike.rest_query());
        link(PATH, pairs.map(|(key, value)| (key, Some(value))))
    };
    let more = page.next_cursor.is_some();
    let rows = page.items.into_iter().map(|row| {
        let label = format!("Choose {}", row.device_name);
        view! {
            <tr>
                <td class="main">
                    <label class="checkbox target-tick">
                        <input r#type="checkbox" name="devices" value=row.id.to_string() aria-label=label/>
                        <span>{row.device_name.clone()}</span>
                    </label>
                </td>
                <td class="aside"><PresenceStatus presence=row.presence state=row.state/></td>
                <td class="sub">{row.business_name.clone()}</td>
                <td><OsName os=row.os_type version=row.os_version/></td>
            </tr>
        }
    });
    view! {
        <RouterForm action=PATH attr:class="stack targets-form">
            <Kept asked/>
            <Table label="Devices to choose">
                <thead>
                    <tr>
                        <th scope="col" class="main">"Device"</th>
                        <th scope="col" class="aside">"Status"</th>
                        <th scope="col" class="sub">"Business"</th>
                        <th scope="col">"System"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </Table>
            {more.then(|| view! { <p class="quiet">"There are more; narrow the list down, or take all that match."</p> })}
            <div class="form-buttons">
                <button class="button button-primary" r#type="submit">"Go on with the chosen ones"</button>
                {(!is_searched).then(|| view! {
                    <LinkButton href=all kind=ButtonKind::Plain>{format!("All {} that match", format::count(total))}</LinkButton>
                })}
            </div>
        </RouterForm>
    }
    .into_any()
}
