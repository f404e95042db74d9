//! Faults under load: a database that dies, a disk that fills, clocks that jump, agents that mean no good. What was
//! acknowledged is stored, once; the server stays small, and serves again by itself soon after the fault is over.

mod clock;
mod database;
mod disk;
mod misdeed;

use crate::support::{
    server::{Estate, TestServer},
    world::noon,
};
use chrono::TimeDelta;
use sim::{Count, Door, Fleet, Identity, Machine, Manner, Rhythm, Stamps, Tally};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// A service has to come back by itself within this time after a fault is over.
const BACK_WITHIN: Duration = Duration::from_secs(10);
/// What is left after that has to arrive within this time.
const DRAIN_WITHIN: Duration = Duration::from_secs(60);

/// Agents in a hurry: samples every few moments, and back as soon as they may.
fn hurried(stamps: Stamps) -> Rhythm {
    Rhythm {
        heartbeat: Some(Duration::from_millis(500)),
        metrics: Some(Duration::from_millis(100)),
        samples: 3,
        software: 5,
        services: 5,
        stamps,
        reconnect_first: Duration::from_millis(100),
        reconnect_longest: Duration::from_secs(1),
        ..Rhythm::default()
    }
}

/// Stamps by the clock of the test, which stands still: samples are close together.
fn from_noon() -> Stamps {
    Stamps::From(noon(), TimeDelta::milliseconds(10))
}

/// Devices of a business.
async fn identities(server: &TestServer, estate: Estate, count: usize, tally: &Tally) -> Vec<Identity> {
    let door = Door::new(&server.url, None).expect("a door");
    let mut identities = Vec::new();
    for number in 0..count {
        let token = server.token(estate).await.token;
        let machine = Machine::of_fleet(1, number);
        identities.push(Identity::register(&door, &token, &machine, 0, tally).await.expect("registered"));
    }
    identities
}

/// Agents that run against a server.
async fn fleet(server: &TestServer, count: usize) -> (Fleet, Arc<Tally>) {
    let tally = Arc::<Tally>::default();
    let identities = identities(server, server.ours, count, &tally).await;
    let door = Door::new(&server.url, None).expect("a door");
    let manner =
        |_: usize, _: &Identity| Manner { begins_within: Duration::from_millis(200), ..Manner::default() };
    let fleet = Fleet::start(&door, identities, hurried(from_noon()), 1, &tally, manner);
    assert!(fleet.connected(count, BACK_WITHIN).await.is_some(), "agents connect: {:?}", tally.troubles());
    (fleet, tally)
}

/// Waits until samples are acknowledged again.
async fn serves_again(fleet: &Fleet) {
    let (before, since) = (fleet.count().acked, Instant::now());
    while fleet.count().acked == before {
        assert!(since.elapsed() < BACK_WITHIN, "no sample was acknowledged {BACK_WITHIN:?} after the fault");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Ends the fleet; what it produced is in the database, each sample once, but for what was dropped.
async fn conserved(server: &TestServer, fleet: Fleet) {
    let drained = fleet.drain(DRAIN_WITHIN).await;
    let count = fleet.stop().await;
    assert!(drained, "samples still wait: {count:?}");
    assert!(count.holds() && count.acked > 0, "{count:?}");
    stored(server, count).await;
}

async fn stored(server: &TestServer, count: Count) {
    // Sealed, a sample that was sent twice is there once.
    server.advance(6 * 3600);
    let job = server.world.job();
    while domain::job::seal_metrics(&job).await.expect("sealed") > 0 {}
    let found = domain::metric::verify_database(&server.world.database_url).await.expect("verified");
    assert_eq!(found.faults_total, 0, "nothing is broken: {found:?}");
    assert_eq!(found.batches, 0, "everything is sealed: {found:?}");
    // Whoever took one more while the others had ended may have it stored and not know.
    let may_be = count.acked..=count.produced - count.dropped;
    assert!(may_be.contains(&found.samples), "each once: {found:?} of {count:?}");
}
