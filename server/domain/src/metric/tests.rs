//! What cannot be seen from outside: crashes between any two steps, two processes that do the same at the same time, and
//! the answers of the database to the same questions when samples were rows.

mod as_rows;
mod crash;
mod retention;
mod tampered;

use super::{
    append::stored,
    sample::{COLUMNS, DAY, Row, Tier},
    writer::Batch,
};
use crate::{
    Store,
    store::{
        statement,
        tests::estate::{Estate, noon},
    },
};
use chrono::{DateTime, Duration, Utc};
use entity::metric::{DiskSample, HistoryQuery, Metric, MetricSample};
use sea_orm::{ConnectionTrait as _, Value};
use std::collections::BTreeMap;

/// The device of the estate's first business.
const DEVICE: i64 = 1;

fn sample(at: DateTime<Utc>, number: i64) -> MetricSample {
    let n = number.unsigned_abs();
    MetricSample {
        collected_at: at,
        cpu_percent: (n % 11 != 3).then_some((n * 7 % 400) as f32 / 4.0),
        memory_used_bytes: Some((4 << 30) + n * 4096),
        memory_percent: Some((n % 100) as f32),
        swap_used_bytes: n.is_multiple_of(2).then_some(0),
        load_average: Some([1.0 + (n % 3) as f32, 2.0, 3.25]),
        uptime_seconds: Some(n * 60),
        network_rx_bytes: (n % 13 != 1).then_some(6_000 + n),
        network_tx_bytes: Some(n % 5),
        process_count: Some(120 + (n % 9) as u32),
        disks: vec![DiskSample {
            mount: "/".to_owned(),
            device: "/dev/vda1".to_owned(),
            file_system: "ext4".to_owned(),
            total_bytes: 400,
            used_bytes: n % 400,
        }],
        top_processes: vec![],
    }
}

/// Lets samples of the device arrive, as one message.
async fn arrive(estate: &Estate, samples: &[MetricSample]) {
    let samples = stored(samples).expect("encodes");
    let (device_id, business_id) = (estate.device, estate.ours);
    let batch = Batch { device_key: DEVICE, device_id, business_id, samples, dropped_total: 0 };
    estate.store.writer().write(batch).await.expect("stored");
}

/// Everything that is stored of the device, wherever it lies; of the same moment what counts. Moments that stand in two
/// chunks are an error.
async fn everything(store: &Store) -> BTreeMap<i64, Row> {
    let db = store.db();
    let mut rows = BTreeMap::new();
    for (sql, is_chunk) in [
        ("SELECT payload FROM metric_chunks WHERE device_key = ? AND tier = 0 ORDER BY starts_at", true),
        ("SELECT payload FROM metric_batches WHERE device_key = ? ORDER BY arrival", false),
    ] {
        let found = db.query_all_raw(statement(db.get_database_backend(), sql, [Value::from(DEVICE)])).await;
        for payload in found.expect("rows") {
            let payload: Vec<u8> = payload.try_get_by_index(0).expect("bytes");
            for row in chunk::decode::<COLUMNS>(Tier::Raw.number(), &payload).expect("reads") {
                let is_new = !rows.contains_key(&row.at);
                assert!(is_new || !is_chunk, "{row:?} stands in two chunks");
                rows.entry(row.at).or_insert(row);
            }
        }
    }
    rows
}

async fn count(store: &Store, table: &str) -> i64 {
    let db = store.db();
    let sql = format!("SELECT count(*) FROM {table} WHERE device_key = ?");
    let row = db.query_one_raw(statement(db.get_database_backend(), &sql, [Value::from(DEVICE)])).await;
    row.expect("asks").expect("a row").try_get_by_index(0).expect("a number")
}

fn question(metrics: &[Metric], start: DateTime<Utc>, end: DateTime<Utc>, seconds: u32) -> HistoryQuery {
    HistoryQuery { metrics: metrics.to_vec(), start, end, interval_seconds: Some(seconds) }
}

/// Forgets what the estate brought along, so that what a test finds is its own.
async fn empty(estate: &Estate) {
    let change = estate.store.begin().await.expect("begins");
    change.execute_unprepared("DELETE FROM agent_metrics").await.expect("emptied");
    change.commit_unattended().await.expect("committed");
}

/// Two days and a bit of samples in messages of different sizes: some late, some repeated, some of the same moment with
/// other values, of which the first counts.
fn messages() -> Vec<Vec<MetricSample>> {
    let begin = noon() - Duration::milliseconds(2 * DAY) - Duration::minutes(10);
    let at = |minute: i64| begin + Duration::minutes(minute) + Duration::milliseconds(minute % 7);
    let mut messages: Vec<Vec<_>> = Vec::new();
    for block in (0..2_880).step_by(60) {
        messages.push((block..block + 60).map(|minute| sample(at(minute), minute)).collect());
    }
    messages.extend((2_880..2_890).map(|minute| vec![sample(at(minute), minute)]));
    let late = messages.remove(7);
    messages.push(messages[11].clone());
    messages.push((600..640).map(|minute| sample(at(minute), minute + 1)).collect());
    messages.push(late);
    messages
}
