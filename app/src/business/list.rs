//! The page of all businesses within reach.

use super::{calls::list_businesses, form::AddBusinessPanel};
use crate::{
    layout::{PageHead, use_me},
    live,
    ui::{Count, EmptyState, LinkButton, Load, PresenceBar, Status, StatusKind, Table, Time},
};
use entity::{business::BusinessView, policy::Action, portal_event::PortalEvent};
use leptos::prelude::*;

/// The businesses, by name.
#[component]
pub fn BusinessListPage() -> impl IntoView {
    let can_add = use_me().may(Action::ManageBusiness);
    let businesses = Resource::new(|| (), |()| list_businesses());
    live::refetch_on(businesses, |event| {
        matches!(event, PortalEvent::Presence { .. } | PortalEvent::Registered { .. })
    });
    view! {
        <PageHead
            title="Businesses"
            action=move || can_add.then(|| view! { <LinkButton href="#add">"Add business"</LinkButton> }).into_any()
        />
        <Load resource=businesses let:businesses>
            {
                if businesses.is_empty() {
                    view! { <NoBusinesses can_add/> }.into_any()
                } else {
                    view! { <BusinessTable businesses/> }.into_any()
                }
            }
        </Load>
        {can_add.then(|| view! { <AddBusinessPanel/> })}
    }
}

#[component]
fn NoBusinesses(can_add: bool) -> impl IntoView {
    view! {
        <EmptyState title="No businesses yet">
            {if can_add {
                "A business is one of your customers. Add the first one below; then its locations, its people and its devices."
            } else {
                "Nobody has given you a business to look after. Ask an MSP admin."
            }}
        </EmptyState>
    }
}

#[component]
fn BusinessTable(businesses: Vec<BusinessView>) -> impl IntoView {
    let rows = businesses.into_iter().map(|business| {
        let devices = format!("/devices?business_id={}", business.id);
        view! {
            <tr>
                <td class="main">
                    <a class="row-link" href=format!("/businesses/{}", business.id)>{business.business_name.clone()}</a>
                    {(!business.is_active).then(|| view! { " " <Status kind=StatusKind::Off word="Switched off"/> })}
                </td>
                <td class="aside">
                    <a class="row-other" href=devices aria-label=format!("Devices of {}", business.business_name)>
                        <Count value=business.devices.total()/>
                    </a>
                </td>
                <td class="sub business-presence">
                    <PresenceBar counts=business.devices label=business.business_name/>
                </td>
                <td class="num"><Count value=business.service_locations/></td>
                <td class="num"><Count value=business.users/></td>
                <td class="sub-aside"><Time at=business.created_at/></td>
            </tr>
        }
    });
    view! {
        <Table label="Businesses">
            <thead>
                <tr>
                    <th scope="col" class="main">"Name"</th>
                    <th scope="col" class="aside">"Devices"</th>
                    <th scope="col" class="sub business-presence">"Presence"</th>
                    <th scope="col" class="num">"Locations"</th>
                    <th scope="col" class="num">"People"</th>
                    <th scope="col" class="sub-aside">"Added"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
