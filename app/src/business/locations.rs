//! The service locations of a business, with the form that adds one.

use crate::{
    error::PortalError,
    layout::use_me,
    service_location::{LocationFields, calls::AddLocation},
    ui::{Absent, Badge, Count, Form, Hidden, Listing, Load, Panel, Submit, Table},
};
use entity::{
    id::BusinessId,
    page::Page,
    policy::Action,
    service_location::{ServiceLocationInput, ServiceLocationView},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// The places of one business.
#[component]
pub(super) fn LocationsPanel(
    id: BusinessId,
    locations: Resource<Result<Page<ServiceLocationView>, PortalError>>,
    add: ServerAction<AddLocation>,
) -> impl IntoView {
    let can_add = use_me().may(Action::ManageServiceLocation);
    let params = use_query_map();
    view! {
        <Panel title="Service locations">
            <Load resource=locations skeleton=2 let:page>
                {
                    let asked = params.with_untracked(|params| Listing::from_url(format!("/businesses/{id}"), params, &[]));
                    if page.items.is_empty() {
                        view! { <p class="quiet">"No service locations yet. Devices can be sorted by the place they stand at."</p> }
                            .into_any()
                    } else {
                        let (shown, next) = (page.items.len(), page.next_cursor);
                        let is_one_page = next.is_none() && asked.cursor().is_none();
                        let pager = (!is_one_page).then(|| asked.pager(shown, page.total, next.as_deref()));
                        view! { <LocationTable locations=page.items/> {pager} }.into_any()
                    }
                }
            </Load>
            {can_add.then(|| view! {
                <details class="disclosure">
                    <summary class="button">"Add a service location"</summary>
                    <Form action=add reset=true>
                        <Hidden name="business_id" value=id.to_string()/>
                        <LocationFields input=ServiceLocationInput::default()/>
                        <Submit>"Add service location"</Submit>
                    </Form>
                </details>
            })}
        </Panel>
    }
}

#[component]
fn LocationTable(locations: Vec<ServiceLocationView>) -> impl IntoView {
    let known = |text: Option<String>| match text {
        Some(text) => text.into_any(),
        None => view! { <Absent/> }.into_any(),
    };
    let rows = locations.into_iter().map(move |place| {
        view! {
            <tr>
                <td class="main">
                    <a class="row-link" href=format!("/service-locations/{}", place.id)>{place.location_name}</a>
                    {place.is_headquarters.then(|| view! { " " <Badge>"Headquarters"</Badge> })}
                </td>
                <td class="sub">{known(place.address)}</td>
                <td>{known(place.contact_person)}</td>
                <td class="num">
                    {match place.devices.offline {
                        0 => view! { <Absent/> }.into_any(),
                        offline => view! { <Count value=offline/> }.into_any(),
                    }}
                </td>
                <td class="aside num"><Count value=place.devices.total()/></td>
            </tr>
        }
    });
    view! {
        <Table label="Service locations">
            <thead>
                <tr>
                    <th scope="col" class="main">"Name"</th>
                    <th scope="col" class="sub">"Address"</th>
                    <th scope="col">"Contact"</th>
                    <th scope="col" class="num">"Offline"</th>
                    <th scope="col" class="aside num">"Devices"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
