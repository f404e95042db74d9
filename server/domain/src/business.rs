//! Businesses: the customers of the MSP.

mod list;

pub(crate) use list::names;
use list::views;
pub use list::{choices, list};

use crate::{
    Confirmed, Cx, Error, Result,
    access::{Target, end_sessions_of},
    audit::Record,
    error::on_duplicate,
    store::Reach,
};
use entity::{
    business::{BusinessInput, BusinessView},
    id::{BusinessId, DeviceId},
    input,
    policy::Action,
    presence::DisconnectReason,
    release::Channel,
    table::{business, device},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, Set,
    sea_query::Expr,
};

/// One business.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn get(cx: &Cx, id: BusinessId) -> Result<BusinessView> {
    let row = find(cx, id).await?;
    views(cx, vec![row]).await?.pop().ok_or_else(|| Error::not_found("business"))
}

/// Adds a business.
///
/// # Errors
/// Forbidden by role; invalid or conflict names the field.
pub async fn add(cx: &Cx, input: BusinessInput) -> Result<BusinessView> {
    let permit = cx.permit(Action::ManageBusiness, Target::Msp)?;
    let name = input::line("business_name", &input.business_name)?;
    let id = BusinessId::generate();
    let change = permit.begin().await?;
    business::ActiveModel {
        id: Set(id),
        business_name: Set(name.clone()),
        name_key: Set(input::fold(&name)),
        is_active: Set(true),
        created_at: Set(cx.store().now()),
        release_channel: Set(Channel::Stable),
    }
    .insert(&*change)
    .await
    .map_err(on_duplicate("business_name", TAKEN))?;
    let record = Record::new("business.add", format!("Added the business {name}")).after(&name);
    permit.commit(change, record).await?;
    get(cx, id).await
}

/// Renames a business.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role; invalid or conflict names the field.
pub async fn rename(cx: &Cx, id: BusinessId, input: BusinessInput) -> Result<BusinessView> {
    let before = find(cx, id).await?;
    let permit = cx.permit(Action::ManageBusiness, Target::Business(id))?;
    let name = input::line("business_name", &input.business_name)?;
    let change = permit.begin().await?;
    business::Entity::update_many()
        .col_expr(business::Column::BusinessName, Expr::value(name.as_str()))
        .col_expr(business::Column::NameKey, Expr::value(input::fold(&name)))
        .filter(business::Column::Id.eq(id))
        .exec(&*change)
        .await
        .map_err(on_duplicate("business_name", TAKEN))?;
    let summary = format!("Renamed the business {} to {name}", before.business_name);
    let record = Record::new("business.rename", summary).before(&before.business_name).after(&name);
    permit.commit(change, record).await?;
    get(cx, id).await
}

/// Switches a business off or on again. When it goes off its people are signed out; while it is off they cannot sign
/// in, their keys do not work, its devices are not heard and no machine becomes one of them. Nothing that is stored is
/// lost, and its agents come back by themselves.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role.
pub async fn set_active(cx: &Confirmed<'_>, id: BusinessId, is_active: bool) -> Result<BusinessView> {
    let before = find(cx, id).await?;
    let permit = cx.permit(Action::ManageBusiness, Target::Business(id))?;
    let change = permit.begin().await?;
    business::Entity::update_many()
        .col_expr(business::Column::IsActive, Expr::value(is_active))
        .filter(business::Column::Id.eq(id))
        .exec(&*change)
        .await?;
    if !is_active {
        end_sessions_of(cx.store(), &change, id).await?;
    }
    let (action, words) =
        if is_active { ("business.activate", "on") } else { ("business.deactivate", "off") };
    let record = Record::new(action, format!("Switched the business {} {words}", before.business_name));
    permit.commit(change, record.before(before.is_active).after(is_active)).await?;
    if !is_active {
        // All of them, also where whoever switches it off reaches only a part.
        let devices = Reach::of(id).select::<device::Entity>().select_only().column(device::Column::Id);
        let devices: Vec<DeviceId> = devices.into_tuple().all(cx.store().db()).await?;
        cx.store().part(&devices, DisconnectReason::AccessChanged);
    }
    get(cx, id).await
}

const TAKEN: &str = "There is a business of this name already.";

/// The row, if it is within reach.
pub(crate) async fn find(cx: &Cx, id: BusinessId) -> Result<business::Model> {
    cx.select::<business::Entity>()
        .filter(business::Column::Id.eq(id))
        .one(cx.db())
        .await?
        .ok_or_else(|| Error::not_found("business"))
}
