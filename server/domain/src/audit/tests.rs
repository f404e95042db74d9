//! The chain: unbroken by a crowd, one transaction with the change, and taken up where there was none.

mod refused;
mod tampered;

use super::{Actor, Record, chain, verify};
use crate::{
    clock::ManualClock,
    store::tests::estate::{ENGINES, Estate, database, each_engine, noon, open, raw, run},
};
use chrono::TimeDelta;
use entity::{
    audit::ChainReport,
    id::{AuditEntryId, BusinessId, DeviceId},
    table::{audit_entry, business},
};
use migration::Migrator;
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, QueryOrder as _, Set};
use sea_orm_migration::MigratorTrait as _;
use std::sync::Arc;

/// What `reeve verify` says of this database, from outside.
async fn report(url: &str, expected: Option<&str>) -> ChainReport {
    verify::verify_database(url, expected).await.expect("the database can be read").chain
}

#[track_caller]
fn is_whole(report: &ChainReport, entries: u64) {
    assert_eq!(report.broken, None, "{}", report.sentence());
    assert_eq!(report.entries, entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_makes_one_chain_without_gaps() {
    each_engine(async |estate: Estate| {
        let estate = Arc::new(estate);
        let crowd: Vec<_> = (0..50)
            .map(|number| {
                let estate = Arc::clone(&estate);
                tokio::spawn(async move { estate.note(number).await })
            })
            .collect();
        for one in crowd {
            one.await.expect("noted");
        }
        is_whole(&report(&estate.url, None).await, 52);
        let entries = audit_entry::Entity::find().order_by_asc(audit_entry::Column::Seq);
        let entries = entries.all(estate.store.db()).await.expect("entries");
        let places: Vec<_> = entries.iter().filter_map(|entry| entry.seq).collect();
        assert_eq!(places, (1..=52).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn a_change_and_its_entry_are_there_together_or_not_at_all() {
    each_engine(async |estate: Estate| {
        let add = async |name: &str| {
            let change = estate.store.begin().await.expect("begins");
            let row = business::ActiveModel {
                id: Set(BusinessId::generate()),
                business_name: Set(name.to_owned()),
                name_key: Set(name.to_lowercase()),
                is_active: Set(true),
                created_at: Set(noon()),
                release_channel: Set(entity::release::Channel::Stable),
            };
            row.insert(&*change).await.expect("a business");
            change
        };
        let count = async || business::Entity::find().all(estate.store.db()).await.expect("rows").len();
        let record = |id| Record::new("business.add", "Added a business").device(id);

        drop(add("Left alone").await);
        let refused = add("Refused").await;
        let nobody = record(DeviceId::generate());
        // An entry about a device that is not there cannot be written.
        refused.commit(&Actor::system("test"), None, nobody).await.expect_err("the entry is refused");
        assert_eq!(count().await, 2);
        is_whole(&report(&estate.url, None).await, 2);

        add("Done").await.commit(&Actor::system("test"), None, record(estate.device)).await.expect("done");
        assert_eq!(count().await, 3);
        is_whole(&report(&estate.url, None).await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_time_finer_than_the_database_keeps_hashes_to_the_same() {
    each_engine(async |estate: Estate| {
        for nanoseconds in [1, 999, 123_456_789, 500] {
            estate.clock.advance(TimeDelta::nanoseconds(nanoseconds));
            estate.note(1).await;
        }
        is_whole(&report(&estate.url, None).await, 6);
    })
    .await;
}

#[tokio::test]
async fn entries_from_before_the_chain_are_taken_up_once() {
    for engine in ENGINES {
        let folder = tempfile::tempdir().expect("a folder");
        let url = database(engine, &folder).await;
        let db = raw(&url).await;
        Migrator::up(&db, Some(4)).await.expect("the schema of yesterday");
        let clock = Arc::new(ManualClock::new(noon()));
        let old = async |minutes: i64, summary: &str| {
            let at = noon() + TimeDelta::minutes(minutes) + TimeDelta::nanoseconds(1_500);
            let sql = "INSERT INTO audit_entries (id, at, actor_name, source_ip, action, summary) \
                       VALUES (?, ?, 'Ada', '192.0.2.7', 'user.add', ?)";
            let values = [AuditEntryId::generate().into(), at.into(), summary.into()];
            run(&db, sql, values).await.expect("an old entry");
        };
        for number in 0..5 {
            old(number, "Before the chain").await;
        }
        let error = verify::verify_database(&url, None).await.expect_err("there is no chain yet");
        assert!(matches!(error, crate::Error::Database(_)), "{error}");
        let is_migrated = run(&db, "UPDATE audit_head SET seq = seq", []).await;
        assert!(is_migrated.is_err(), "a check has changed the schema");

        let store = open(&url, &folder, Arc::clone(&clock)).await.expect("opens");
        is_whole(&report(&url, None).await, 5);
        let (seq, head) = chain::head(store.db()).await.expect("a head");
        assert_eq!((seq, head.len()), (5, 64));
        let again = open(&url, &folder, clock).await.expect("opens again");
        assert_eq!(chain::head(again.db()).await.expect("a head"), (5, head));
    }
}

/// What comes in later without a hash is no entry, and a check does not make it one.
#[tokio::test]
async fn a_check_takes_nothing_up() {
    for engine in ENGINES {
        let folder = tempfile::tempdir().expect("a folder");
        let url = database(engine, &folder).await;
        let db = raw(&url).await;
        Migrator::up(&db, None).await.expect("the schema");
        let sql = "INSERT INTO audit_entries (id, at, actor_name, source_ip, action, summary) \
                   VALUES (?, ?, 'Ada', '192.0.2.7', 'user.add', 'Slipped in')";
        run(&db, sql, [AuditEntryId::generate().into(), noon().into()]).await.expect("a row");
        for _ in 0..2 {
            let found = report(&url, None).await;
            let reason = found.broken.expect("a row outside of the chain").reason;
            assert!(reason.contains("outside of the chain"), "{reason}");
        }
    }
}
