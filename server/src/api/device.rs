//! Devices over REST. The requirement documents call them agents in the path.

use super::{ApiProblem, ApiResult, Asked, Id, Input};
use crate::{
    authenticate::{Caller, Confirmed},
    state::AppState,
};
use axum::{Json, extract::State};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    activity::ActivityView,
    device::{DeviceInput, DeviceQuery, DeviceRow, DeviceTransferInput, DeviceView},
    id::DeviceId,
    metric::{History, HistoryQuery, Metric},
    page::Page,
    problem::Problem,
    schema as shape,
    software_item::SoftwareItemView,
    system_service::SystemServicesView,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// `GET /agents`
pub(crate) async fn list(caller: Caller, Asked(query): Asked<DeviceQuery>) -> ApiResult<Page<DeviceRow>> {
    Ok(Json(domain::device::list(&caller.cx, &query).await?))
}

/// `GET /agents/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<DeviceId>) -> ApiResult<DeviceView> {
    Ok(Json(domain::device::get(&caller.cx, id).await?))
}

/// `PATCH /agents/{id}`
pub(crate) async fn change(
    caller: Caller,
    Id(id): Id<DeviceId>,
    Input(input): Input<DeviceInput>,
) -> ApiResult<DeviceView> {
    Ok(Json(domain::device::change(&caller.cx, id, input).await?))
}

/// `DELETE /agents/{id}`: ends its access; what it reported stays.
pub(crate) async fn revoke(caller: Confirmed, Id(id): Id<DeviceId>) -> ApiResult<DeviceView> {
    Ok(Json(domain::device::revoke(&caller.cx.confirmed()?, id).await?))
}

/// `POST /agents/{id}/transfer`: gives it to another business.
pub(crate) async fn transfer(
    caller: Confirmed,
    Id(id): Id<DeviceId>,
    Input(input): Input<DeviceTransferInput>,
) -> ApiResult<DeviceView> {
    Ok(Json(domain::device::transfer(&caller.cx.confirmed()?, id, input).await?))
}

/// `GET /agents/{id}/services`
pub(crate) async fn services(caller: Caller, Id(id): Id<DeviceId>) -> ApiResult<SystemServicesView> {
    Ok(Json(domain::device::services(&caller.cx, id).await?))
}

/// What a list of software items may be narrowed by.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SoftwareQuery {
    /// Part of the name.
    #[schemars(with = "Option<shape::Search>")]
    search: Option<String>,
    /// From the page before.
    #[schemars(with = "Option<shape::Cursor>")]
    cursor: Option<String>,
    /// Rows.
    #[schemars(with = "Option<shape::PageLimit>")]
    limit: Option<u32>,
}

/// `GET /agents/{id}/software`
pub(crate) async fn software(
    caller: Caller,
    Id(id): Id<DeviceId>,
    Asked(query): Asked<SoftwareQuery>,
) -> ApiResult<Page<SoftwareItemView>> {
    Ok(Json(domain::device::software(&caller.cx, id, query.search, query.cursor, query.limit).await?))
}

/// Which page of a device's activity.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActivityQuery {
    /// From the page before.
    #[schemars(with = "Option<shape::Cursor>")]
    cursor: Option<String>,
    /// Rows.
    #[schemars(with = "Option<shape::PageLimit>")]
    limit: Option<u32>,
}

/// `GET /agents/{id}/activity`
pub(crate) async fn activity(
    caller: Caller,
    Id(id): Id<DeviceId>,
    Asked(query): Asked<ActivityQuery>,
) -> ApiResult<Page<ActivityView>> {
    Ok(Json(domain::device::activity(&caller.cx, id, query.cursor, query.limit).await?))
}

/// What is asked of the history, as a query string writes it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryAsked {
    /// Names separated by commas.
    #[schemars(with = "shape::MetricNames", example = &"cpu_percent,memory_percent")]
    metric: String,
    /// From when; a day before `end` when absent.
    start: Option<DateTime<Utc>>,
    /// Until when; now when absent.
    end: Option<DateTime<Utc>>,
    /// Width of a point: seconds, or a number with `s`, `m`, `h` or `d`.
    #[schemars(with = "Option<shape::Interval>", example = &"5m")]
    interval: Option<String>,
}

impl HistoryAsked {
    fn understood(self, now: DateTime<Utc>) -> Result<HistoryQuery, Problem> {
        let named = |name: &str| {
            name.trim()
                .parse::<Metric>()
                .map_err(|error| Problem::invalid("metric", format!("Each {error}.")))
        };
        let end = self.end.unwrap_or(now);
        Ok(HistoryQuery {
            metrics: self.metric.split(',').map(named).collect::<Result<_, _>>()?,
            start: self.start.or_else(|| end.checked_sub_signed(TimeDelta::days(1))).unwrap_or(end),
            end,
            interval_seconds: self.interval.as_deref().map(seconds).transpose()?,
        })
    }
}

/// `GET /agents/{id}/metrics/history`, also `/agents/{id}/history`
pub(crate) async fn history(
    State(state): State<AppState>,
    caller: Caller,
    Id(id): Id<DeviceId>,
    Asked(asked): Asked<HistoryAsked>,
) -> Result<Json<History>, ApiProblem> {
    let query = asked.understood(state.store.clock().now())?;
    Ok(Json(domain::metric::history(&caller.cx, id, &query).await?))
}

/// `DELETE /agents/{id}/clone-suspicion`
pub(crate) async fn settle_clone(caller: Caller, Id(id): Id<DeviceId>) -> ApiResult<DeviceView> {
    Ok(Json(domain::device::settle_clone(&caller.cx, id).await?))
}

fn seconds(text: &str) -> Result<u32, Problem> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 0,
    };
    digits
        .parse::<u32>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| {
            Problem::invalid("interval", "Write seconds, or a number with s, m, h or d, such as 5m.")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_seconds_or_a_number_with_a_unit() {
        assert_eq!(seconds("300"), Ok(300));
        assert_eq!(seconds("5m"), Ok(300));
        assert_eq!(seconds("1d"), Ok(86_400));
        for bad in ["", "0", "m", "5w", "-1", "99999999999", "5 m", "4294967295d", "ä"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_history_covers_the_last_day_when_nothing_else_is_asked() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(400);
        let asked = HistoryAsked {
            metric: "cpu_percent, disk_percent".to_owned(),
            start: None,
            end: None,
            interval: None,
        };
        let query = asked.understood(now).expect("good");
        assert_eq!(query.metrics, [Metric::CpuPercent, Metric::DiskPercent]);
        assert_eq!((query.start, query.end), (now - TimeDelta::days(1), now));
        let asked = HistoryAsked { metric: "weather".to_owned(), start: None, end: None, interval: None };
        assert_eq!(asked.understood(now).expect_err("unknown").field.as_deref(), Some("metric"));
    }
}
