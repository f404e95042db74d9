//! Whoever seals can die at any moment, and two can seal at the same time: nothing is lost and nothing is doubled.

use super::*;
use crate::{
    clock::ManualClock,
    metric::{self, Retention, fault},
    store::tests::estate::each_engine,
};
use std::sync::Arc;

/// Does something again and again, and dies one step later each time, until it is through. Says how often it died.
async fn with_crashes<T>(work: impl AsyncFn() -> crate::Result<T>, check: impl AsyncFn()) -> usize {
    for point in 1.. {
        let done = fault::dying_at(point, work()).await;
        check().await;
        match done {
            Ok(_) => return point - 1,
            Err(error) => assert!(format!("{error:?}").contains("died here"), "{error:?}"),
        }
    }
    0
}

#[tokio::test]
async fn a_crash_at_any_point_of_sealing_loses_and_doubles_nothing() {
    each_engine(async |estate| {
        empty(&estate).await;
        for message in messages() {
            arrive(&estate, &message).await;
        }
        let before = everything(&estate.store).await;
        assert_eq!(before.len(), 2_890);
        let same = async || assert_eq!(everything(&estate.store).await, before);
        assert!(with_crashes(async || metric::seal(&estate.store).await, same).await > 20);
        assert_eq!(count(&estate.store, "metric_batches").await, 0, "all of it is sealed");
        assert!(count(&estate.store, "metric_chunks").await < 30, "days that are over are in one chunk");
    })
    .await;
}

#[tokio::test]
async fn a_crash_at_any_point_of_moving_rows_loses_and_doubles_nothing() {
    each_engine(async |estate| {
        let change = estate.store.begin().await.expect("begins");
        let backend = change.get_database_backend();
        change.execute_unprepared("DELETE FROM agent_metrics").await.expect("emptied");
        let begin = (noon() - Duration::days(3)).timestamp_millis();
        for n in 0..400_i64 {
            let sql = "INSERT INTO agent_metrics (device_key, collected_at, cpu_percent, memory_used_bytes, \
                       process_count) VALUES (?, ?, ?, ?, ?)";
            let cpu = (n % 7 != 0).then_some(n as f64 / 4.0);
            let values: [Value; 5] =
                [DEVICE.into(), (begin + n * 600_000).into(), cpu.into(), (n * 4096).into(), n.into()];
            change.execute_raw(statement(backend, sql, values)).await.expect("a row");
        }
        change.commit_unattended().await.expect("committed");
        let whole = async || {
            let (moved, left) =
                (everything(&estate.store).await, count(&estate.store, "agent_metrics").await);
            assert_eq!(moved.len() as i64 + left, 400);
        };
        assert!(with_crashes(async || metric::seal(&estate.store).await, whole).await > 10);
        let moved = everything(&estate.store).await;
        assert_eq!(moved.len(), 400);
        for (n, (at, row)) in moved.into_iter().enumerate() {
            let n = n as i64;
            assert_eq!(at, begin + n * 600_000);
            assert_eq!(row.get(0), (n % 7 != 0).then_some(n * 25), "percentages in hundredths");
            assert_eq!((row.get(1), row.get(3), row.get(12)), (Some(n * 4096), None, Some(n)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_crash_at_any_point_of_thinning_out_loses_and_doubles_nothing() {
    each_engine(async |estate| {
        empty(&estate).await;
        estate.store.set_retention(Retention { raw_days: 1, five_minute_days: 40 });
        for message in messages() {
            arrive(&estate, &message).await;
        }
        metric::seal(&estate.store).await.expect("sealed");
        estate.clock.advance(Duration::days(4));
        // Every metric of every hour, of which each has its samples however often it was begun.
        let metrics = [Metric::LoadAverage5m, Metric::UptimeSeconds];
        let query = question(&metrics, noon() - Duration::days(3), noon() + Duration::hours(1), 3_600);
        let ask = async || {
            let db = estate.store.db();
            let answer = metric::history::read(&estate.store, db, DEVICE, &query).await.expect("a history");
            let points = answer.series.into_iter().flat_map(|series| series.points);
            points.map(|point| (point.at, point.avg.round(), point.min, point.max)).collect::<Vec<_>>()
        };
        let before = ask().await;
        let same = async || assert_eq!(ask().await, before);
        assert!(with_crashes(async || metric::retain(&estate.store).await, same).await > 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_seal_at_the_same_time_seal_everything_once() {
    each_engine(async |estate| {
        empty(&estate).await;
        let clock = Arc::new(ManualClock::new(noon()));
        let other = crate::store::tests::estate::open(&estate.url, &estate.folder, clock)
            .await
            .expect("a second process");
        let mut before = BTreeMap::new();
        for messages in messages().chunks(12) {
            for message in messages {
                arrive(&estate, message).await;
            }
            let expected = everything(&estate.store).await;
            before.extend(expected.clone());
            let (one, two) = tokio::join!(metric::seal(&estate.store), metric::seal(&other));
            one.expect("sealed");
            two.expect("sealed");
            assert_eq!(everything(&estate.store).await, expected);
        }
        assert_eq!(before.len(), 2_890);
        other.close().await;
    })
    .await;
}
