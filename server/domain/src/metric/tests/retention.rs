//! The clock goes across both limits: samples become rows of five minutes, and these go.

use super::*;
use crate::{
    metric::{self, Retention, history},
    store::tests::estate::each_engine,
};

#[tokio::test]
async fn samples_become_five_minutes_and_these_go_after_their_time() {
    each_engine(async |estate| {
        empty(&estate).await;
        estate.store.set_retention(Retention { raw_days: 10, five_minute_days: 40 });
        for message in messages() {
            arrive(&estate, &message).await;
        }
        metric::seal(&estate.store).await.expect("sealed");
        let metrics = [
            Metric::CpuPercent,
            Metric::MemoryUsedBytes,
            Metric::NetworkRxBytesPerSecond,
            Metric::SwapUsedBytes,
        ];
        let end = noon() + Duration::hours(1);
        let query = question(&metrics, noon() - Duration::days(3), end, 900);
        let db = estate.store.db();
        let ask = async || history::read(&estate.store, db, DEVICE, &query).await.expect("a history");
        let before = ask().await;
        assert!(before.series.iter().all(|series| series.points.len() > 150));
        metric::retain(&estate.store).await.expect("runs");
        assert_eq!(ask().await, before, "nothing is past its time");

        let days = |count| estate.clock.advance(Duration::days(count));
        // The first of three days is past, then the second, then all of them.
        for step in [0, 10, 1, 1, 1] {
            days(step);
            metric::seal(&estate.store).await.expect("sealed");
            metric::retain(&estate.store).await.expect("runs");
            let after = ask().await;
            for (before, after) in before.series.iter().zip(&after.series) {
                assert_eq!(before.points.len(), after.points.len());
                for (before, after) in before.points.iter().zip(&after.points) {
                    assert_eq!(before.at, after.at);
                    // Means are rounded to a hundredth or a byte for each five minutes.
                    for (before, after) in
                        [(before.avg, after.avg), (before.min, after.min), (before.max, after.max)]
                    {
                        assert!((before - after).abs() < 0.51, "{before} became {after}");
                    }
                }
            }
        }
        let tier = |tier: i32| format!("metric_chunks WHERE tier = {tier} AND 1 = 1");
        let raw = tier(0).replace("WHERE", "c WHERE");
        let db_count = async |of: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM {of}");
            let row = db.query_one_raw(statement(db.get_database_backend(), &sql, [])).await.expect("asks");
            row.expect("a row").try_get_by_index(0).expect("a number")
        };
        assert_eq!(db_count(&raw).await, 0, "no samples are left");
        assert_eq!(db_count(&tier(1)).await, 3, "three days of five minutes");
        let checked = metric::verify_database(&estate.url).await.expect("reads");
        assert_eq!((checked.faults, checked.chunks), (vec![], 3));

        days(25);
        metric::retain(&estate.store).await.expect("runs");
        assert_eq!(db_count(&tier(1)).await, 3, "kept to the end of their time");
        days(4);
        metric::retain(&estate.store).await.expect("runs");
        assert_eq!(db_count("metric_chunks").await, 0);
        if estate.is_postgres() {
            let sql = "SELECT count(*) FROM pg_class WHERE relnamespace = 'reeve_partitions'::regnamespace \
                       AND relkind = 'r' AND relname LIKE '%_202609'";
            let old = db.query_one_raw(statement(db.get_database_backend(), sql, [])).await.expect("asks");
            assert_eq!(old.expect("a row").try_get_by_index::<i64>(0).expect("a number"), 0);
        }
    })
    .await;
}

#[tokio::test]
async fn partitions_are_there_before_they_are_needed_and_strays_are_brought_home() {
    let estate = Estate::on(crate::store::tests::estate::Engine::Postgres).await;
    empty(&estate).await;
    // What comes before anybody has seen to partitions goes where strays go.
    arrive(&estate, &[sample(noon(), 1)]).await;
    let owner = estate.raw().await;
    let number = async |sql: &str| -> i64 {
        let row = owner.query_one_raw(statement(owner.get_database_backend(), sql, [])).await.expect("asks");
        row.expect("a row").try_get_by_index(0).expect("a number")
    };
    let strays = "SELECT count(*) FROM reeve_partitions.metric_batches_rest";
    assert_eq!(number(strays).await, 1);
    metric::retain(&estate.store).await.expect("runs");
    assert_eq!(number(strays).await, 0);
    assert_eq!(number("SELECT count(*) FROM reeve_partitions.metric_batches_20261120").await, 1);
    assert_eq!(everything(&estate.store).await.len(), 1);
    // Days later the empty ones are gone and new ones are there; the one with a batch in it stays.
    estate.clock.advance(Duration::days(5));
    metric::retain(&estate.store).await.expect("runs");
    let named = |name: &str| format!("SELECT count(*) FROM pg_class WHERE relname = 'metric_batches_{name}'");
    assert_eq!(number(&named("20261120")).await, 1);
    assert_eq!(number(&named("20261121")).await, 0);
    assert_eq!(number(&named("20261128")).await, 1);
    metric::seal(&estate.store).await.expect("sealed");
    metric::retain(&estate.store).await.expect("runs");
    assert_eq!(number(&named("20261120")).await, 0);
    assert_eq!(everything(&estate.store).await.len(), 1);
    // The server's own role may ask for partitions and nothing else.
    let db = estate.store.db();
    for sql in [
        "SELECT count(*) FROM reeve_partitions.metric_batches_rest",
        "DROP TABLE metric_batches",
        "SELECT reeve_make_partition('users', '20261120', 0, 1)",
        "SELECT reeve_make_partition('batches', '2026; DROP', 0, 1)",
    ] {
        assert!(db.execute_unprepared(sql).await.is_err(), "{sql}");
    }
}
