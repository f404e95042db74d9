//! Two tenants on two connections, in any order, through errors, rollbacks and calls that were given up: nothing of
//! one is ever left for the other.

use super::estate::{Engine, Estate};
use crate::store::{Db, Reach, Scope, statement};
use entity::{id::BusinessId, table::device};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseBackend, DatabaseConnection, EntityTrait as _,
    TransactionOptions,
};
use std::{sync::Arc, time::Duration};

/// Chooses without a seed of the system, so that a failure can be had again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

async fn pool_of_two(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).min_connections(2).max_connections(2);
    options.map_sqlx_postgres_opts(|postgres| postgres.options([("role", "reeve_app")]));
    Database::connect(options).await.expect("connects")
}

async fn sees_its_own(db: &Db, business: BusinessId) {
    let found = device::Entity::find().all(db).await.expect("rows");
    assert!(found.len() == 1 && found.iter().all(|row| row.business_id == business), "{found:?}");
}

/// One thing that a request may do to its connection.
async fn act(db: &Db, business: BusinessId, dice: &mut Dice) {
    let sql = |text: &str| statement(DatabaseBackend::Postgres, text, []);
    match dice.roll(6) {
        0 => sees_its_own(db, business).await,
        // A statement that fails.
        1 => assert!(db.execute_raw(sql("SELECT 1 / 0")).await.is_err()),
        // A transaction that is dropped, rolled back, or committed.
        2 => {
            let tx = db.begin(TransactionOptions::default()).await.expect("begins");
            let found = device::Entity::find().all(&tx).await.expect("rows");
            assert!(found.iter().all(|row| row.business_id == business));
            match dice.roll(3) {
                0 => drop(tx),
                1 => tx.rollback().await.expect("rolls back"),
                _ => tx.commit().await.expect("commits"),
            }
        }
        // A transaction that has failed inside.
        3 => {
            let tx = db.begin(TransactionOptions::default()).await.expect("begins");
            assert!(tx.execute_raw(sql("SELECT 1 / 0")).await.is_err());
            drop(tx);
        }
        // A call that is given up at some moment, as when a browser goes away.
        4 => {
            let patience = Duration::from_micros(dice.roll(3000));
            drop(tokio::time::timeout(patience, db.query_all_raw(sql("SELECT pg_sleep(0.002)"))).await);
        }
        _ => {
            let patience = Duration::from_micros(dice.roll(1500));
            drop(tokio::time::timeout(patience, device::Entity::find().all(db)).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_goes_round_takes_nothing_along() {
    let estate = Arc::new(Estate::on(Engine::Postgres).await);
    let pool = pool_of_two(&estate.url).await;
    let mut crowd = Vec::new();
    for number in 0..8_u64 {
        let business = if number % 2 == 0 { estate.ours } else { estate.theirs };
        let db = Db::new(pool.clone(), Scope::everything()).within(Reach::of(business).scope());
        crowd.push(tokio::spawn(async move {
            let mut dice = Dice(number + 1);
            for _ in 0..60 {
                act(&db, business, &mut dice).await;
                sees_its_own(&db, business).await;
            }
        }));
    }
    for one in crowd {
        one.await.expect("nothing leaked");
    }
    // What is left on the connections is nothing.
    for _ in 0..8 {
        let sql = "SELECT concat(current_setting('reeve.every', true), current_setting('reeve.businesses', true), \
                   current_setting('reeve.denied', true)) AS left, (SELECT count(*) FROM agent_devices) AS rows";
        let row = pool.query_one_raw(statement(DatabaseBackend::Postgres, sql, [])).await.expect("asks");
        let row = row.expect("a row");
        assert_eq!(row.try_get::<String>("", "left").expect("a text"), "");
        assert_eq!(row.try_get::<i64>("", "rows").expect("a number"), 0);
    }
}
