//! The history of a device: as many points as a chart draws, made by the database.

use crate::{Cx, Result, device, store::statement};
use chrono::{DateTime, Utc};
use entity::{
    id::DeviceId,
    metric::{
        HISTORY_METRICS_MAX, HISTORY_POINTS, HISTORY_POINTS_MAX, History, HistoryQuery, Metric, Point, Series,
    },
    problem::Problem,
};
use sea_orm::{ConnectionTrait as _, QueryResult};

/// Points are no narrower than this when nobody asks for a width: samples come once a minute.
const INTERVAL_DEFAULT_MIN_SECONDS: i64 = 60;

/// The history of some metrics of a device.
///
/// # Errors
/// Not found when the device is out of reach; invalid names the field.
pub async fn history(cx: &Cx, id: DeviceId, query: &HistoryQuery) -> Result<History> {
    let device = device::find(cx, id).await?;
    let interval = check(query)?;
    let columns: Vec<String> = query
        .metrics
        .iter()
        .enumerate()
        .map(|(index, metric)| {
            let value = column(*metric);
            format!("avg({value}) AS avg_{index}, min({value}) AS min_{index}, max({value}) AS max_{index}")
        })
        .collect();
    let width = interval * 1000;
    let sql = format!(
        "SELECT collected_at / {width} AS slot, {} FROM \
         (SELECT *, collected_at - lag(collected_at) OVER (ORDER BY collected_at) AS milliseconds \
         FROM agent_metrics WHERE device_key = ? AND collected_at >= ? AND collected_at < ?) AS samples \
         GROUP BY collected_at / {width} ORDER BY collected_at / {width}",
        columns.join(", ")
    );
    let values = [
        device.device_key.into(),
        query.start.timestamp_millis().into(),
        query.end.timestamp_millis().into(),
    ];
    let rows = cx.db().query_all_raw(statement(cx.db().get_database_backend(), &sql, values)).await?;
    let mut series: Vec<Series> =
        query.metrics.iter().map(|metric| Series { metric: *metric, points: Vec::new() }).collect();
    for row in &rows {
        let slot: i64 = row.try_get("", "slot")?;
        let Some(at) = DateTime::<Utc>::from_timestamp_millis(slot * width) else { continue };
        for (index, series) in series.iter_mut().enumerate() {
            series.points.extend(point(row, index, at)?);
        }
    }
    Ok(History {
        start: query.start,
        end: query.end,
        interval_seconds: u32::try_from(interval).unwrap_or(u32::MAX),
        series,
    })
}

/// Checks the question and says how wide a point is, in seconds.
fn check(query: &HistoryQuery) -> Result<i64> {
    if query.metrics.is_empty() || query.metrics.len() > HISTORY_METRICS_MAX {
        let detail = format!("Between 1 and {HISTORY_METRICS_MAX} metrics.");
        return Err(Problem::invalid("metric", detail).into());
    }
    let range = (query.end - query.start).num_seconds();
    if range <= 0 {
        return Err(Problem::invalid("end", "Must be later than start.").into());
    }
    let interval = match query.interval_seconds {
        Some(0) => return Err(Problem::invalid("interval", "Must be at least a second.").into()),
        Some(seconds) => i64::from(seconds),
        None => (range / i64::from(HISTORY_POINTS)).max(INTERVAL_DEFAULT_MIN_SECONDS),
    };
    if range / interval > HISTORY_POINTS_MAX {
        let detail = format!("Too narrow: at most {HISTORY_POINTS_MAX} points fit into one answer.");
        return Err(Problem::invalid("interval", detail).into());
    }
    Ok(interval)
}

/// The value of a metric in one sample, as a float so that both engines average alike. Traffic becomes a rate over
/// the time since the sample before it.
const fn column(metric: Metric) -> &'static str {
    match metric {
        Metric::CpuPercent => "cpu_percent",
        Metric::MemoryPercent => "memory_percent",
        Metric::MemoryUsedBytes => "CAST(memory_used_bytes AS double precision)",
        Metric::SwapUsedBytes => "CAST(swap_used_bytes AS double precision)",
        Metric::DiskPercent => "disk_percent",
        Metric::DiskUsedBytes => "CAST(disk_used_bytes AS double precision)",
        Metric::LoadAverage1m => "load_average_1m",
        Metric::LoadAverage5m => "load_average_5m",
        Metric::LoadAverage15m => "load_average_15m",
        Metric::NetworkRxBytesPerSecond => {
            "CAST(network_rx_bytes AS double precision) * 1000 / NULLIF(milliseconds, 0)"
        }
        Metric::NetworkTxBytesPerSecond => {
            "CAST(network_tx_bytes AS double precision) * 1000 / NULLIF(milliseconds, 0)"
        }
        Metric::ProcessCount => "CAST(process_count AS double precision)",
        Metric::UptimeSeconds => "CAST(uptime_seconds AS double precision)",
    }
}

fn point(row: &QueryResult, index: usize, at: DateTime<Utc>) -> Result<Option<Point>> {
    let read = |name: &str| row.try_get::<Option<f64>>("", &format!("{name}_{index}"));
    Ok(match (read("avg")?, read("min")?, read("max")?) {
        (Some(avg), Some(min), Some(max)) => Some(Point { at, avg, min, max }),
        _ => None,
    })
}
