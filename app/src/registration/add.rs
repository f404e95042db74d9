//! Adding a device: whose it is and where it stands. The answer is one line to run on the machine.

use super::calls::IssueToken;
use crate::{
    business::calls::list_businesses,
    error::PortalError,
    layout::{PageHead, use_me},
    service_location::calls::list_locations,
    ui::{
        ButtonKind, Choice, EmptyState, Field, Form, LinkButton, Load, Notice, Panel, Select, StatusKind,
        Submit,
    },
};
use entity::{
    business::BusinessView, input::NAME_MAX, policy::Action, registration::EXPIRES_IN_HOURS_DEFAULT,
    service_location::ServiceLocationView,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// What can be chosen.
type Places = (Vec<BusinessView>, Vec<ServiceLocationView>);

/// Hours a token may be asked to live, in words.
const LIVES: [(u32, &str); 4] =
    [(1, "1 hour"), (EXPIRES_IN_HOURS_DEFAULT, "24 hours"), (72, "3 days"), (168, "7 days")];

/// The form.
#[component]
pub fn AddDevicePage() -> impl IntoView {
    let is_allowed = use_me().may(Action::RegisterDevice);
    let head = view! { <PageHead title="Add device" up=("Devices".to_owned(), "/devices".to_owned())/> };
    if !is_allowed {
        return view! {
            {head}
            <Notice kind=StatusKind::Info>"Your role does not add devices. Ask an MSP admin to do it."</Notice>
        }
        .into_any();
    }
    let places = Resource::new(|| (), |()| load_places());
    view! {
        {head}
        <Load resource=places skeleton=5 let:places>
            {
                let (businesses, locations) = places;
                if businesses.is_empty() {
                    view! { <NoBusinesses/> }.into_any()
                } else {
                    view! { <AddForm businesses locations/> }.into_any()
                }
            }
        </Load>
    }
    .into_any()
}

async fn load_places() -> Result<Places, PortalError> {
    Ok((list_businesses().await?, list_locations(None).await?))
}

#[component]
fn NoBusinesses() -> impl IntoView {
    view! {
        <EmptyState
            title="First a business"
            action=|| {
                view! { <LinkButton href="/businesses#add" kind=ButtonKind::Primary>"Add business"</LinkButton> }
                    .into_any()
            }
        >
            "Every device belongs to a business. Add the business whose machine this is, then come back."
        </EmptyState>
    }
}

#[component]
fn AddForm(businesses: Vec<BusinessView>, locations: Vec<ServiceLocationView>) -> impl IntoView {
    let issue = ServerAction::<IssueToken>::new();
    let params = use_query_map();
    let asked = |key: &str| params.with_untracked(|params| params.get(key)).unwrap_or_default();
    let first = match businesses.as_slice() {
        [only] => only.id.to_string(),
        _ => asked("business_id"),
    };
    // Without JavaScript nothing can follow the choice of a business, so all locations are offered under their
    // businesses; so does the first rendering in the browser, which has to draw what the server drew.
    let business = RwSignal::new(first.clone());
    let follows = RwSignal::new(false);
    Effect::new(move |_| follows.set(true));
    let is_one = businesses.len() == 1;
    let place = asked("service_location_id");
    let places = Signal::derive(move || location_choices(&locations, &business.get(), follows.get(), is_one));
    view! {
        <Panel title="Which machine is it?">
            <Form action=issue>
                <Select
                    name="input[business_id]"
                    label="Business"
                    options=business_choices(&businesses)
                    value=first
                    required=true
                    on_change=Callback::new(move |chosen| business.set(chosen))
                />
                <Select
                    name="input[service_location_id]"
                    label="Service location"
                    options=places
                    value=place
                    hint="Where it stands. Can be changed later."
                />
                <Field
                    name="input[device_name]"
                    label="Name"
                    hint="Leave it empty to use the machine's host name."
                    max_length=NAME_MAX
                    autocomplete="off"
                />
                <Select
                    name="input[expires_in_hours]"
                    label="The line works for"
                    options=LIVES.map(|(hours, label)| Choice::new(hours.to_string(), label)).to_vec()
                    value=EXPIRES_IN_HOURS_DEFAULT.to_string()
                    hint="It registers one machine, once."
                />
                <Submit>"Show the line to run"</Submit>
            </Form>
        </Panel>
    }
}

fn business_choices(businesses: &[BusinessView]) -> Vec<Choice> {
    let all = businesses
        .iter()
        .map(|business| Choice::new(business.id.to_string(), business.business_name.clone()));
    match businesses {
        [_] => all.collect(),
        _ => std::iter::once(Choice::new("", "Choose a business")).chain(all).collect(),
    }
}

/// The places of the chosen business once the form follows the choice; before that all, under their businesses.
fn location_choices(
    locations: &[ServiceLocationView],
    business: &str,
    follows: bool,
    is_one: bool,
) -> Vec<Choice> {
    let none = Choice::new("", "No service location");
    let choice = |place: &ServiceLocationView| Choice::new(place.id.to_string(), place.location_name.clone());
    let places: Vec<Choice> = if is_one {
        locations.iter().map(choice).collect()
    } else if follows {
        locations.iter().filter(|place| place.business_id.to_string() == business).map(choice).collect()
    } else {
        let mut sorted: Vec<_> = locations.iter().collect();
        sorted.sort_by_key(|place| (place.business_name.to_lowercase(), place.business_id));
        sorted.into_iter().map(|place| choice(place).under(place.business_name.clone())).collect()
    };
    std::iter::once(none).chain(places).collect()
}
