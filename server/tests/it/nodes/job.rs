//! Jobs about the database run in one server at a time, and once within their period.

use crate::support::{
    nodes::store_beside,
    world::{Engine, World},
};
use chrono::Duration;
use domain::{Store, SystemCx};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Notify;

const PERIOD: Duration = Duration::minutes(1);

async fn two() -> (World, Store) {
    let world = World::on(Engine::Postgres, "https://reeve.example").await;
    let second = store_beside(&world).await;
    (world, second)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_once_in_a_period_whoever_tries() {
    let (world, second) = two().await;
    let count = Arc::<AtomicUsize>::default();
    for round in 1..=3 {
        let tries = [&world.store, &second].into_iter().cycle().take(12).map(|store| {
            let (cx, count) = (SystemCx::new(store, "counted"), Arc::clone(&count));
            tokio::spawn(async move {
                let job = async move {
                    count.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                };
                domain::job::once(&cx, PERIOD, job).await.expect("runs or not")
            })
        });
        let mut ran = 0;
        for tried in tries.collect::<Vec<_>>() {
            ran += usize::from(tried.await.expect("ends"));
        }
        assert_eq!((ran, count.load(Ordering::Relaxed)), (1, round));
        world.clock.advance(PERIOD);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_job_is_alone_until_it_ends_and_holds_up_no_other() {
    let (world, second) = two().await;
    let (begun, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let long = {
        let (cx, begun, end) = (SystemCx::new(&world.store, "long"), Arc::clone(&begun), Arc::clone(&end));
        tokio::spawn(async move {
            let job = async move {
                begun.notify_one();
                end.notified().await;
                Ok(())
            };
            domain::job::once(&cx, PERIOD, job).await.expect("runs")
        })
    };
    begun.notified().await;
    world.clock.advance(PERIOD * 3);
    let run = async |store: &Store, name| {
        domain::job::once(&SystemCx::new(store, name), PERIOD, async { Ok(()) }).await.expect("asks")
    };
    assert!(!run(&second, "long").await, "it still runs");
    assert!(run(&second, "another").await);
    end.notify_one();
    assert!(long.await.expect("ends"));
    assert!(run(&second, "long").await, "it has ended, and its time has come again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_is_tried_by_whoever_is_next() {
    let (world, second) = two().await;
    let fails = async { Err(domain::Error::Internal("on purpose".to_owned())) };
    domain::job::once(&SystemCx::new(&world.store, "fails"), PERIOD, fails).await.expect_err("it failed");
    world.clock.advance(PERIOD);
    let again = domain::job::once(&SystemCx::new(&second, "fails"), PERIOD, async { Ok(()) }).await;
    assert!(again.expect("runs"), "no lock was left behind");
}
