//! Service locations: the places of a business.

mod list;

pub(crate) use list::names;
use list::views;
pub use list::{choices, list};

use crate::{Cx, Error, Result, access::Target, audit::Record, business, error::on_duplicate};
use entity::{
    id::{BusinessId, ServiceLocationId},
    input,
    policy::Action,
    service_location::{ServiceLocationInput, ServiceLocationView},
    table::service_location,
};
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, IntoActiveModel as _, QueryFilter as _, Set};

/// One service location.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn get(cx: &Cx, id: ServiceLocationId) -> Result<ServiceLocationView> {
    let row = find(cx, id).await?;
    views(cx, vec![row]).await?.pop().ok_or_else(|| Error::not_found("service location"))
}

/// Adds a service location to a business.
///
/// # Errors
/// Not found when the business is out of reach, forbidden by role; invalid or conflict names the field.
pub async fn add(cx: &Cx, business: BusinessId, input: ServiceLocationInput) -> Result<ServiceLocationView> {
    business::find(cx, business).await?;
    let permit = cx.permit(Action::ManageServiceLocation, Target::Business(business))?;
    let id = ServiceLocationId::generate();
    let row = service_location::ActiveModel {
        id: Set(id),
        business_id: Set(business),
        created_at: Set(cx.store().now()),
        ..filled(&input)?
    };
    let change = permit.begin().await?;
    row.insert(&*change).await.map_err(on_duplicate("location_name", TAKEN))?;
    let summary = format!("Added the service location {}", input.location_name.trim());
    permit.commit(change, Record::new("service_location.add", summary).after(&input)).await?;
    get(cx, id).await
}

/// Changes a service location.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role; invalid or conflict names the field.
pub async fn change(
    cx: &Cx,
    id: ServiceLocationId,
    input: ServiceLocationInput,
) -> Result<ServiceLocationView> {
    let before = find(cx, id).await?;
    let permit = cx.permit(Action::ManageServiceLocation, Target::Location(before.business_id, Some(id)))?;
    let summary = format!("Changed the service location {}", before.location_name);
    let filled = filled(&input)?;
    let former = ServiceLocationInput {
        location_name: before.location_name.clone(),
        address: before.address.clone().unwrap_or_default(),
        contact_person: before.contact_person.clone().unwrap_or_default(),
        contact_phone: before.contact_phone.clone().unwrap_or_default(),
        is_headquarters: before.is_headquarters,
    };
    let mut row = before.into_active_model();
    row.location_name = filled.location_name;
    row.name_key = filled.name_key;
    row.address = filled.address;
    row.contact_person = filled.contact_person;
    row.contact_phone = filled.contact_phone;
    row.is_headquarters = filled.is_headquarters;
    let change = permit.begin().await?;
    row.update(&*change).await.map_err(on_duplicate("location_name", TAKEN))?;
    let record = Record::new("service_location.change", summary).before(former).after(&input);
    permit.commit(change, record).await?;
    get(cx, id).await
}

const TAKEN: &str = "This business has a service location of this name already.";

fn filled(input: &ServiceLocationInput) -> Result<service_location::ActiveModel> {
    let name = input::line("location_name", &input.location_name)?;
    Ok(service_location::ActiveModel {
        name_key: Set(input::fold(&name)),
        location_name: Set(name),
        address: Set(input::optional_line("address", &input.address)?),
        contact_person: Set(input::optional_line("contact_person", &input.contact_person)?),
        contact_phone: Set(input::optional_line("contact_phone", &input.contact_phone)?),
        is_headquarters: Set(input.is_headquarters),
        ..Default::default()
    })
}

/// The row, if it is within reach.
pub(crate) async fn find(cx: &Cx, id: ServiceLocationId) -> Result<service_location::Model> {
    cx.select::<service_location::Entity>()
        .filter(service_location::Column::Id.eq(id))
        .one(cx.db())
        .await?
        .ok_or_else(|| Error::not_found("service location"))
}

/// Checks that a service location, where one is named, belongs to the business.
pub(crate) async fn check_belongs(
    cx: &Cx,
    id: Option<ServiceLocationId>,
    business: BusinessId,
) -> Result<Option<service_location::Model>> {
    let Some(id) = id else { return Ok(None) };
    let wrong = || {
        entity::problem::Problem::invalid(
            "service_location_id",
            "This place does not belong to the business.",
        )
    };
    match find(cx, id).await {
        Ok(row) if row.business_id == business => Ok(Some(row)),
        Ok(_) | Err(Error::Refused(_)) => Err(wrong().into()),
        Err(error) => Err(error),
    }
}
