//! What people decide about an error: that they have seen it, or that it is over.

use super::{groups, list::not_found};
use crate::{
    Cx, Error, Result,
    access::{Permit, Target},
    audit::Record,
};
use entity::{
    error_report::{ErrorDecision, ErrorEvent, ErrorGroupView, ErrorReportQuery, ErrorState},
    id::{BusinessId, DeviceId},
    policy::Action,
    portal_event::PortalEvent,
    problem::Problem,
    table::{device, error_report},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};
use std::collections::{BTreeMap, HashMap};

/// Rows of one statement.
const ROWS_PER_STATEMENT: usize = 500;

/// Moves an error of all devices within reach, or of one of them. Each business gets an audit entry of its own.
///
/// # Errors
/// Not found when nobody within reach has it, forbidden by role, conflict when it is in that state already; invalid names
/// the field.
pub async fn decide(cx: &Cx, fingerprint: &str, input: ErrorDecision) -> Result<ErrorGroupView> {
    let event = match input.state {
        ErrorState::Seen => ErrorEvent::See,
        ErrorState::Resolved => ErrorEvent::Resolve,
        ErrorState::New => {
            return Err(Problem::invalid("state", "Choose seen or resolved.").into());
        }
    };
    if fingerprint.chars().any(char::is_control) {
        return Err(not_found());
    }
    let mut select =
        cx.select::<error_report::Entity>().filter(error_report::Column::Fingerprint.eq(fingerprint));
    if let Some(id) = input.device_id {
        select = select.filter(error_report::Column::DeviceId.eq(id));
    }
    let rows = select.all(cx.db()).await?;
    if rows.is_empty() {
        return Err(not_found());
    }
    let permits = permits(cx, &rows).await?;
    let mut moved: BTreeMap<BusinessId, Vec<&error_report::Model>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.state.on(event).is_some()) {
        moved.entry(row.business_id).or_default().push(row);
    }
    let Some((first, _)) = moved.iter().next() else {
        return Err(Error::conflict(None, format!("It is {} already.", input.state.word())));
    };
    let permit_of = |business: BusinessId| permits.get(&business).ok_or_else(not_found);
    let first = *first;
    let change = permit_of(first)?.begin().await?;
    let all: Vec<&error_report::Model> = moved.values().flatten().copied().collect();
    for rows in all.chunks(ROWS_PER_STATEMENT) {
        error_report::Entity::update_many()
            .col_expr(error_report::Column::State, Expr::value(input.state))
            .col_expr(error_report::Column::DecidedBy, Expr::value(Some(cx.actor_name())))
            .col_expr(error_report::Column::DecidedAt, Expr::value(Some(cx.store().now())))
            .filter(error_report::Column::Id.is_in(rows.iter().map(|row| row.id)))
            // What came in between is decided about when somebody has seen it.
            .filter(error_report::Column::State.ne(input.state))
            .exec(&*change)
            .await?;
    }
    for (business, rows) in &moved {
        if *business != first {
            permit_of(*business)?.also(&change, record(rows, input.state)).await?;
        }
    }
    let entry = record(moved.get(&first).map(Vec::as_slice).unwrap_or_default(), input.state);
    permit_of(first)?.commit(change, entry).await?;
    for row in all {
        let (business_id, device_id) = (row.business_id, row.device_id);
        cx.store().publish(PortalEvent::ErrorReport { business_id, device_id });
    }
    let query = ErrorReportQuery {
        fingerprint: Some(fingerprint.to_owned()),
        device_id: input.device_id,
        ..ErrorReportQuery::default()
    };
    groups(cx, &query).await?.items.pop().ok_or_else(not_found)
}

/// A permit for each business, after every device was asked about.
async fn permits<'a>(cx: &'a Cx, rows: &[error_report::Model]) -> Result<HashMap<BusinessId, Permit<'a>>> {
    let ids: Vec<DeviceId> = rows.iter().map(|row| row.device_id).collect();
    let mut permits = HashMap::new();
    for ids in ids.chunks(ROWS_PER_STATEMENT) {
        let devices = cx
            .select::<device::Entity>()
            .filter(device::Column::Id.is_in(ids.iter().copied()))
            .all(cx.db())
            .await?;
        for device in devices {
            let permit = cx.permit(Action::ManageDevice, Target::device(&device))?;
            permits.insert(device.business_id, permit);
        }
    }
    Ok(permits)
}

fn record(rows: &[&error_report::Model], state: ErrorState) -> Record {
    let on = match rows {
        [_] => "one device".to_owned(),
        more => format!("{} devices", more.len()),
    };
    let Some(row) = rows.first() else { return Record::new("error_report.decide", "Decided about an error") };
    let summary = format!("Marked the error “{}” as {} on {on}", short(&row.error_message), state.word());
    let record = Record::new("error_report.decide", summary).after(serde_json::json!({
        "fingerprint": row.fingerprint,
        "error_type": row.error_type,
        "state": state,
    }));
    if rows.len() == 1 { record.device(row.device_id) } else { record }
}

/// As much of a message as a sentence bears.
fn short(message: &str) -> String {
    const LONGEST: usize = 80;
    if message.chars().count() <= LONGEST {
        return message.to_owned();
    }
    message.chars().take(LONGEST).chain(['…']).collect()
}
