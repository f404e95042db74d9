//! How many devices are in which presence.

use crate::{
    Cx, Result,
    store::{placeholders, statement},
};
use entity::{
    business::PresenceCounts,
    id::{BusinessId, ServiceLocationId},
    presence::Presence,
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, FromQueryResult, Value};
use std::collections::HashMap;

/// What the counts are grouped by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountBy<'a> {
    /// All businesses within reach.
    EveryBusiness,
    /// These businesses.
    Business(&'a [BusinessId]),
    /// These service locations.
    ServiceLocation(&'a [ServiceLocationId]),
    /// Devices at no service location.
    NoServiceLocation,
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

/// Active devices within reach by presence, for each business or service location. Read from one index, which holds
/// all that is counted.
pub(crate) async fn presence_counts(cx: &Cx, by: CountBy<'_>) -> Result<Vec<GroupCounts>> {
    let backend = cx.db().get_database_backend();
    let (condition, mut values) = cx.reach().condition("business_id", "service_location_id");
    let (location, group, narrowed) = match by {
        CountBy::EveryBusiness => (false, "business_id, presence", String::new()),
        CountBy::Business(ids) => {
            values.extend(ids.iter().map(|id| Value::from(*id)));
            (false, "business_id, presence", format!(" AND business_id IN ({})", placeholders(ids.len())))
        }
        CountBy::ServiceLocation(ids) => {
            values.extend(ids.iter().map(|id| Value::from(*id)));
            let narrowed = format!(" AND service_location_id IN ({})", placeholders(ids.len()));
            (true, "business_id, service_location_id, presence", narrowed)
        }
        CountBy::NoServiceLocation => {
            (false, "business_id, presence", " AND service_location_id IS NULL".to_owned())
        }
    };
    // The cast gives the absent location a type on PostgreSQL.
    let location = match (location, backend) {
        (true, _) => "service_location_id",
        (false, DatabaseBackend::Postgres) => "CAST(NULL AS uuid)",
        (false, _) => "NULL",
    };
    let sql = format!(
        "SELECT business_id, {location} AS service_location_id, presence, count(*) AS count \
         FROM agent_devices WHERE state = 'active' AND {condition}{narrowed} GROUP BY {group}"
    );
    let mut groups: Vec<GroupCounts> = Vec::new();
    let mut known = HashMap::new();
    for row in cx.db().query_all_raw(statement(backend, &sql, values)).await? {
        let row = Row::from_query_result(&row, "")?;
        let group = (row.business_id, row.service_location_id);
        let index = *known.entry(group).or_insert_with(|| {
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
