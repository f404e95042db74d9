//! Adding a device: whose it is and where it stands. The answer is one line to run on the machine.

use super::calls::IssueToken;
use crate::{
    business::{FindBusiness, Offered, offered, use_business_like},
    error::PortalError,
    layout::{PageHead, use_me},
    service_location::{calls::offer_locations, location_choices},
    ui::{
        ButtonKind, Choice, EmptyState, Field, Form, LinkButton, Load, Notice, Panel, Select, StatusKind,
        Submit,
    },
};
use entity::{
    id::{BusinessId, ServiceLocationId},
    input::NAME_MAX,
    page::Page,
    policy::Action,
    registration::EXPIRES_IN_HOURS_DEFAULT,
    service_location::ServiceLocationChoice,
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_query_map;

/// What can be chosen.
type Places = (Offered, Page<ServiceLocationChoice>);

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
    let (like, params) = (use_business_like(), use_query_map());
    let asked = Memo::new(move |_| {
        let text = |key: &str| params.with(|params| params.get(key));
        let business = text("business_id").and_then(|id| id.parse::<BusinessId>().ok());
        let place = text("service_location_id").and_then(|id| id.parse::<ServiceLocationId>().ok());
        (like.get(), business, place)
    });
    let places =
        Resource::new(move || asked.get(), |(like, business, place)| load_places(like, business, place));
    view! {
        {head}
        <Load resource=places skeleton=5 let:places>
            {
                let (businesses, locations) = places;
                if businesses.page.items.is_empty() && businesses.like.is_none() {
                    view! { <NoBusinesses/> }.into_any()
                } else {
                    view! { <AddForm businesses locations/> }.into_any()
                }
            }
        </Load>
    }
    .into_any()
}

async fn load_places(
    like: Option<String>,
    business: Option<BusinessId>,
    place: Option<ServiceLocationId>,
) -> Result<Places, PortalError> {
    let businesses = offered(like, business).await?;
    // Where there are few, those of all: the form narrows them itself, or shows them under their businesses.
    let of = business.filter(|_| businesses.needs_search());
    Ok((businesses, offer_locations(of, None, place).await?))
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
fn AddForm(businesses: Offered, locations: Page<ServiceLocationChoice>) -> impl IntoView {
    let issue = ServerAction::<IssueToken>::new();
    let params = use_query_map();
    let asked = |key: &str| params.with_untracked(|params| params.get(key)).unwrap_or_default();
    let is_one = businesses.page.items.len() == 1 && !businesses.needs_search();
    let first = match businesses.page.items.as_slice() {
        [only] => only.id.to_string(),
        _ => asked("business_id"),
    };
    // Without JavaScript nothing can follow the choice of a business, so all locations are offered under their
    // businesses; so does the first rendering in the browser, which has to draw what the server drew.
    let business = RwSignal::new(first.clone());
    let follows = RwSignal::new(false);
    Effect::new(move |_| follows.set(true));
    let place = asked("service_location_id");
    let is_whole = locations.next_cursor.is_none();
    let locations = RwSignal::new(locations.items);
    let choose = Callback::new(move |chosen: String| {
        business.set(chosen.clone());
        let Some(id) = chosen.parse().ok().filter(|_| !is_whole) else { return };
        spawn_local(async move {
            if let Ok(page) = offer_locations(Some(id), None, None).await {
                locations.set(page.items);
            }
        });
    });
    let places = Signal::derive(move || {
        locations.with(|locations| location_choices(locations, &business.get(), follows.get(), is_one))
    });
    let mut choices = businesses.choices("Choose a business");
    if is_one {
        choices.remove(0);
    }
    view! {
        <Panel title="Which machine is it?">
            <FindBusiness offered=businesses/>
            <Form action=issue>
                <Select
                    name="input[business_id]"
                    label="Business"
                    options=choices
                    value=first
                    required=true
                    on_change=choose
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
