//! What runs and what is installed on a device.

use super::find;
use crate::{
    Cx, Result,
    store::{decode_cursor, encode_cursor, keyset::limit_of},
};
use entity::{
    id::DeviceId,
    input::SEARCH_MAX,
    page::Page,
    problem::Problem,
    software_item::SoftwareItemView,
    system_service::{ServiceStatus, SystemServiceView, SystemServicesView},
    table::{monitored_service, software_item},
};
use sea_orm::{
    ColumnTrait as _, Condition, ExprTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
    sea_query::{Expr, Func, LikeExpr},
};

/// The system services of a device, failed ones first.
///
/// # Errors
/// Not found when the device is out of reach.
pub async fn services(cx: &Cx, id: DeviceId) -> Result<SystemServicesView> {
    let device = find(cx, id).await?;
    let rows = cx
        .select::<monitored_service::Entity>()
        .filter(monitored_service::Column::DeviceId.eq(id))
        .order_by_asc(monitored_service::Column::ServiceName)
        .all(cx.db())
        .await?;
    let mut items: Vec<_> = rows
        .into_iter()
        .map(|row| SystemServiceView {
            service_name: row.service_name,
            display_name: row.display_name,
            status: row.status,
            starts_at_boot: row.starts_at_boot,
            pid: row.pid.and_then(|pid| u32::try_from(pid).ok()),
            last_state_change_at: row.last_state_change_at,
        })
        .collect();
    items.sort_by_key(|item| item.status != ServiceStatus::Failed);
    Ok(SystemServicesView {
        manager: device.services_manager,
        reported_at: device.services_reported_at,
        items,
    })
}

/// The installed software of a device by name; `search` is part of a name or of a vendor.
///
/// # Errors
/// Not found when the device is out of reach; invalid names the field.
pub async fn software(
    cx: &Cx,
    id: DeviceId,
    search: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
) -> Result<Page<SoftwareItemView>> {
    find(cx, id).await?;
    let limit = limit_of(limit)?;
    let mut select = cx.select::<software_item::Entity>().filter(software_item::Column::DeviceId.eq(id));
    if search.as_deref().is_some_and(|text| text.chars().any(char::is_control)) {
        return Err(Problem::invalid("search", "Control characters are not accepted.").into());
    }
    if let Some(search) = search.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        if search.chars().count() > SEARCH_MAX {
            return Err(Problem::invalid("search", format!("At most {SEARCH_MAX} characters.")).into());
        }
        let pattern = search.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let contains = |column: software_item::Column| {
            let like = LikeExpr::new(format!("%{pattern}%")).escape('\\');
            Expr::expr(Func::lower(Expr::col(column))).like(like)
        };
        select = select.filter(
            Condition::any()
                .add(contains(software_item::Column::SoftwareName))
                .add(contains(software_item::Column::Vendor)),
        );
    }
    let total = select.clone().count(cx.db()).await?;
    if let Some(cursor) = &cursor {
        let (name, version, architecture, source): (String, String, String, String) = decode_cursor(cursor)?;
        select = select.filter(after(&name, &version, &architecture, &source));
    }
    let mut rows = select
        .order_by_asc(software_item::Column::SoftwareName)
        .order_by_asc(software_item::Column::SoftwareVersion)
        .order_by_asc(software_item::Column::Architecture)
        .order_by_asc(software_item::Column::Source)
        .limit(u64::from(limit) + 1)
        .all(cx.db())
        .await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = match rows.last() {
        Some(row) if more => {
            Some(encode_cursor(&(&row.software_name, &row.software_version, &row.architecture, &row.source))?)
        }
        _ => None,
    };
    let items = rows
        .into_iter()
        .map(|row| SoftwareItemView {
            software_name: row.software_name,
            software_version: row.software_version,
            vendor: row.vendor,
            architecture: Some(row.architecture).filter(|text| !text.is_empty()),
            source: row.source,
            first_seen_at: row.first_seen_at,
        })
        .collect();
    Ok(Page { items, next_cursor, total: Some(total) })
}

/// Everything behind this row, in the order of the primary key.
fn after(name: &str, version: &str, architecture: &str, source: &str) -> Condition {
    use software_item::Column as C;
    let same_name = C::SoftwareName.eq(name);
    let same_version = same_name.clone().and(C::SoftwareVersion.eq(version));
    let same_architecture = same_version.clone().and(C::Architecture.eq(architecture));
    Condition::any()
        .add(C::SoftwareName.gt(name))
        .add(same_name.and(C::SoftwareVersion.gt(version)))
        .add(same_version.and(C::Architecture.gt(architecture)))
        .add(same_architecture.and(C::Source.gt(source)))
}
