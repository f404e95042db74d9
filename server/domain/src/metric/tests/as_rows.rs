//! The answers are those of the database when samples were rows in it, wherever the samples lie now.

use super::*;
use crate::{
    metric::{self, history},
    store::{Db, tests::estate::each_engine},
};
use entity::metric::History;

const METRICS: [(Metric, &str); 6] = [
    (Metric::CpuPercent, "cpu_percent"),
    (Metric::MemoryUsedBytes, "CAST(memory_used_bytes AS double precision)"),
    (Metric::SwapUsedBytes, "CAST(swap_used_bytes AS double precision)"),
    (Metric::DiskPercent, "disk_percent"),
    (
        Metric::NetworkRxBytesPerSecond,
        "CAST(network_rx_bytes AS double precision) * 1000 / NULLIF(milliseconds, 0)",
    ),
    (Metric::UptimeSeconds, "CAST(uptime_seconds AS double precision)"),
];

/// What the database says to the same question about rows.
async fn of_rows(db: &Db, device_key: i64, query: &HistoryQuery) -> Vec<Vec<(i64, [f64; 3])>> {
    let width = i64::from(query.interval_seconds.expect("a width")) * 1000;
    let mut series = Vec::new();
    for (_, value) in METRICS {
        let sql = format!(
            "SELECT collected_at / {width} AS slot, avg({value}), min({value}), max({value}) FROM \
             (SELECT *, collected_at - lag(collected_at) OVER (ORDER BY collected_at) AS milliseconds \
             FROM agent_metrics WHERE device_key = ? AND collected_at >= ? AND collected_at < ?) AS samples \
             GROUP BY collected_at / {width} ORDER BY collected_at / {width}"
        );
        let values: [Value; 3] =
            [device_key.into(), query.start.timestamp_millis().into(), query.end.timestamp_millis().into()];
        let rows = db.query_all_raw(statement(db.get_database_backend(), &sql, values)).await.expect("rows");
        let read = |row: &sea_orm::QueryResult| {
            let slot: i64 = row.try_get_by_index(0).expect("a slot");
            let value = |index| row.try_get_by_index::<Option<f64>>(index).expect("a number");
            Some((slot * width, [value(1)?, value(2)?, value(3)?]))
        };
        series.push(rows.iter().filter_map(read).collect());
    }
    series
}

fn compare(answer: &History, expected: &[Vec<(i64, [f64; 3])>], what: &str) {
    for (series, expected) in answer.series.iter().zip(expected) {
        let times: Vec<_> = series.points.iter().map(|point| point.at.timestamp_millis()).collect();
        let name = format!("{:?}, {what}", series.metric);
        assert_eq!(times, expected.iter().map(|(at, _)| *at).collect::<Vec<_>>(), "{name}");
        for (point, (at, [avg, min, max])) in series.points.iter().zip(expected) {
            for (ours, theirs) in [(point.avg, avg), (point.min, min), (point.max, max)] {
                let is_near = (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0);
                assert!(is_near, "{name} at {at}: {ours} instead of {theirs}");
            }
        }
    }
}

/// Puts the samples of the device into rows of the neighbour's, which stay rows.
async fn write_rows(estate: &Estate, device_key: i64) {
    let change = estate.store.begin().await.expect("begins");
    let names: Vec<_> = super::super::sample::ROW_COLUMNS.iter().map(|(name, _)| *name).collect();
    for (at, row) in everything(&estate.store).await {
        let sql = format!(
            "INSERT INTO agent_metrics (device_key, collected_at, {}) VALUES (?, ?{})",
            names.join(", "),
            ", ?".repeat(COLUMNS)
        );
        let mut values: Vec<Value> = vec![device_key.into(), at.into()];
        for (column, (_, is_real)) in super::super::sample::ROW_COLUMNS.iter().enumerate() {
            let value = row.get(column);
            values.push(if *is_real { value.map(|v| v as f64 / 100.0).into() } else { value.into() });
        }
        change.execute_raw(statement(change.get_database_backend(), &sql, values)).await.expect("a row");
    }
    change.commit_unattended().await.expect("committed");
}

#[tokio::test]
async fn history_is_what_it_was_when_samples_were_rows() {
    each_engine(async |estate| {
        empty(&estate).await;
        for message in messages() {
            arrive(&estate, &message).await;
        }
        write_rows(&estate, 2).await;
        let metrics = METRICS.map(|(metric, _)| metric);
        let end = noon() + Duration::minutes(5);
        let questions = [
            question(&metrics, noon() - Duration::days(3), end, 300),
            question(&metrics, noon() - Duration::days(2), end, 3_600),
            question(&metrics, noon() - Duration::hours(26), noon() - Duration::hours(2), 61),
            question(&metrics, noon() - Duration::days(90), end, 86_400),
        ];
        let db = estate.store.db();
        let mut expected = Vec::new();
        for query in &questions {
            expected.push(of_rows(db, 2, query).await);
        }
        assert!(expected[0][0].len() > 500);
        for what in ["as it arrived", "sealed"] {
            for (query, expected) in questions.iter().zip(&expected) {
                let answer = history::read(&estate.store, db, DEVICE, query).await.expect("a history");
                compare(&answer, expected, what);
                // And of the rows, before they are moved and after.
                let answer = history::read(&estate.store, db, 2, query).await.expect("a history");
                compare(&answer, expected, what);
            }
            metric::seal(&estate.store).await.expect("sealed");
        }
        assert_eq!(count(&estate.store, "metric_batches").await, 0);
        // Late samples into a day that is settled, and into one that is not there.
        let late = [sample(noon() - Duration::days(1), 5), sample(noon() - Duration::days(80), 5)];
        arrive(&estate, &late).await;
        metric::seal(&estate.store).await.expect("sealed");
        let answer = history::read(&estate.store, db, DEVICE, &questions[3]).await.expect("a history");
        assert_eq!(answer.series[0].points.len(), expected[3][0].len() + 1);
    })
    .await;
}
