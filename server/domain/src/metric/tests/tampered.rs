//! What is changed behind the product's back is named by `verify`.

use super::*;
use crate::{
    metric::{self, verify_database},
    store::tests::estate::{each_engine, run},
};

#[tokio::test]
async fn what_was_changed_is_named() {
    each_engine(async |estate| {
        empty(&estate).await;
        for message in messages() {
            arrive(&estate, &message).await;
        }
        let unsealed = verify_database(&estate.url).await.expect("reads");
        assert_eq!((unsealed.faults.clone(), unsealed.chunks), (vec![], 0));
        assert_eq!(unsealed.samples, 2_890 + 100, "repeats are counted until they are sealed");
        metric::seal(&estate.store).await.expect("sealed");
        arrive(&estate, &[sample(noon(), 1)]).await;
        let whole = verify_database(&estate.url).await.expect("reads");
        assert_eq!((whole.faults.clone(), whole.samples, whole.batches), (vec![], 2_891, 1));

        let raw = estate.raw().await;
        let payload = "SELECT payload FROM metric_chunks WHERE device_key = 1 ORDER BY starts_at LIMIT 1";
        let row = raw.query_one_raw(statement(raw.get_database_backend(), payload, [])).await.expect("asks");
        let payload: Vec<u8> = row.expect("a chunk").try_get_by_index(0).expect("bytes");
        let write = async |payload: Vec<u8>| {
            let sql = "UPDATE metric_chunks SET payload = ? WHERE device_key = 1 \
                       AND starts_at = (SELECT min(starts_at) FROM metric_chunks)";
            run(&raw, sql, [payload.into()]).await.expect("changed");
        };
        let mut flipped = payload.clone();
        flipped[payload.len() / 2] ^= 4;
        for (what, bytes, expected) in [
            ("a bit", flipped, "checksum"),
            ("cut off", payload[..payload.len() - 9].to_vec(), "checksum"),
            ("nothing", Vec::new(), "cut off"),
        ] {
            write(bytes).await;
            let found = verify_database(&estate.url).await.expect("reads");
            assert_eq!((found.faults.len(), found.faults_total), (1, 1), "{what}");
            let fault = &found.faults[0];
            assert!(fault.contains("device 1") && fault.contains("2026-11-18T00:00:00Z"), "{fault}");
            assert!(fault.contains(expected), "{fault}");
        }
        // A chart has a gap and no more.
        let query = question(&[Metric::CpuPercent], noon() - Duration::days(3), noon(), 3_600);
        let history = metric::history::read(&estate.store, estate.store.db(), DEVICE, &query).await;
        assert!(history.expect("a history").series[0].points.len() > 30);
        write(payload).await;

        for (sql, expected) in [
            ("UPDATE metric_chunks SET row_count = row_count + 1 WHERE starts_at = (SELECT min(starts_at) FROM metric_chunks)", "rows where its row says"),
            ("UPDATE metric_batches SET last_at = last_at + 1", "is not of the time"),
        ] {
            run(&raw, sql, []).await.expect("changed");
            let found = verify_database(&estate.url).await.expect("reads");
            assert!(found.faults.iter().any(|fault| fault.contains(expected)), "{:?}", found.faults);
        }
    })
    .await;
}
