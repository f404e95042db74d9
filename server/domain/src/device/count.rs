//! How many devices are in which presence.

use crate::{Cx, Result, store::statement};
use entity::{
    business::PresenceCounts,
    id::{BusinessId, ServiceLocationId},
    presence::Presence,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};

/// What the counts are grouped by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountBy {
    Business,
    ServiceLocation,
}

/// The counts of one group.
pub(crate) struct GroupCounts {
    pub(crate) business_id: BusinessId,
    /// Set when counted by service location and the devices have one.
    pub(crate) service_location_id: Option<ServiceLocationId>,
    pub(crate) counts: PresenceCounts,
}

#[derive(FromQueryResult)]
struct Row {
    business_id: BusinessId,
    service_location_id: Option<ServiceLocationId>,
    presence: Presence,
    count: i64,
}

/// Active devices within reach by presence, for each business or service location.
pub(crate) async fn presence_counts(cx: &Cx, by: CountBy) -> Result<Vec<GroupCounts>> {
    let (condition, values) = cx.reach().condition("business_id", "service_location_id");
    let location = match by {
        CountBy::Business => "NULL",
        CountBy::ServiceLocation => "service_location_id",
    };
    let group = match by {
        CountBy::Business => "business_id, presence",
        CountBy::ServiceLocation => "business_id, service_location_id, presence",
    };
    // The cast gives the absent location a type on PostgreSQL.
    let location = match (by, cx.db().get_database_backend()) {
        (CountBy::Business, sea_orm::DatabaseBackend::Postgres) => "CAST(NULL AS uuid)",
        _ => location,
    };
    let sql = format!(
        "SELECT business_id, {location} AS service_location_id, presence, count(*) AS count \
         FROM agent_devices WHERE state = 'active' AND {condition} GROUP BY {group}"
    );
    let mut groups: Vec<GroupCounts> = Vec::new();
    for row in cx.db().query_all_raw(statement(cx.db().get_database_backend(), &sql, values)).await? {
        let row = Row::from_query_result(&row, "")?;
        let known = groups.iter().position(|g| {
            g.business_id == row.business_id && g.service_location_id == row.service_location_id
        });
        let index = known.unwrap_or_else(|| {
            groups.push(GroupCounts {
                business_id: row.business_id,
                service_location_id: row.service_location_id,
                counts: PresenceCounts::default(),
            });
            groups.len() - 1
        });
        let counts = &mut groups[index].counts;
        let count = row.count.unsigned_abs();
        match row.presence {
            Presence::Online => counts.online = count,
            Presence::Offline => counts.offline = count,
            Presence::Unknown => counts.unknown = count,
        }
    }
    Ok(groups)
}
