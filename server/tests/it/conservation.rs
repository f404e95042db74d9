//! Conservation, proved by counting: every sample that a fleet took is stored, still spooled, or dropped and reported, and
//! so is every line of its logs, but for those that were left out and counted; whatever happens to the server in between.
//! The program itself, killed and stopped, on both engines.

mod lines;

use crate::support::{
    program::Program,
    server::{Estate, TestServer},
    world::{Engine, cx},
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Cx, Store, SystemCx, clock::ManualClock};
use entity::{
    id::{BusinessId, DeviceId},
    log_entry::LogQuery,
};
use futures::{StreamExt as _, stream};
use sim::{Count, Door, Fleet, Identity, LogCount, Machine, Manner, Order, Rhythm, Stamps, Tally};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::time::sleep;

/// Agents that have room for everything.
const ROOMY: usize = 75;
/// Agents whose spools are full after a moment without a server.
const CRAMPED: usize = 25;
/// What is awaited longer than this will not come, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_is_stored_spooled_or_dropped_and_reported_on_sqlite() {
    conserves(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_is_stored_spooled_or_dropped_and_reported_on_postgres() {
    conserves(Engine::Postgres).await;
}

async fn conserves(engine: Engine) {
    let mut server = TestServer::on(engine).await;
    let (roomy, cramped) =
        tokio::join!(devices(&server, server.ours, ROOMY), devices(&server, server.theirs, CRAMPED));
    let ids = |of: &[Identity]| of.iter().map(|identity| identity.device).collect::<Vec<_>>();
    let (roomy_ids, cramped_ids) = (ids(&roomy), ids(&cramped));
    server.stop().await;
    let (folder, database_url) = (server.world.folder(), server.world.database_url.as_str());

    let program = Program::start(folder, database_url).await;
    let address: SocketAddr = program.url.trim_start_matches("http://").parse().expect("an address");
    let door = Door::new(&program.url, None).expect("a door");
    let tally = Arc::<Tally>::default();
    let manner = |_: usize, _: &Identity| Manner::default();
    let roomy = Fleet::start(&door, roomy, rhythm(100_000), 1, &tally, manner);
    let cramped = Fleet::start(&door, cramped, rhythm(10), 2, &tally, manner);
    served(&[&roomy, &cramped]).await;

    // Killed in the middle of things, and away until the small spools are full.
    drop(program);
    let (before, logs_before) = (cramped.count().dropped, cramped.logs().1);
    let most = CRAMPED as u64;
    wait(|| cramped.count().dropped > before + most && cramped.logs().1 > logs_before + most).await;
    let program = Program::start_at(address, folder, database_url).await;
    served(&[&roomy, &cramped]).await;

    // Stopped in order, and back at once.
    program.stop().await;
    let program = Program::start_at(address, folder, database_url).await;
    served(&[&roomy, &cramped]).await;

    drained(&[&roomy, &cramped], &tally).await;
    let ((roomy, roomy_logs), (cramped, cramped_logs)) =
        (roomy.stop_with_logs().await, cramped.stop_with_logs().await);
    program.stop().await;
    assert_eq!(tally.unexpected_count(), 0, "{:?}", tally.troubles());
    assert!(roomy.holds() && cramped.holds(), "{roomy:?} {cramped:?}");
    assert_eq!((roomy.acked, roomy.dropped), (roomy.produced, 0), "{roomy:?}");
    assert!(cramped.dropped > 0 && cramped.dropped_and_reported == cramped.dropped, "{cramped:?}");
    let (store, admin) = in_the_database(&server, roomy, cramped, &cramped_ids).await;
    assert_eq!((roomy_logs.entries.dropped, roomy_logs.entries.spooled), (0, 0), "{roomy_logs:?}");
    assert!(cramped_logs.entries.dropped > 0, "{cramped_logs:?}");
    logs_in_the_database(&admin, server.ours.business, &roomy_ids, roomy_logs).await;
    logs_in_the_database(&admin, server.theirs.business, &cramped_ids, cramped_logs).await;
    store.close().await;
}

/// Counts in the database what the agents counted.
async fn in_the_database(
    server: &TestServer,
    roomy: Count,
    cramped: Count,
    cramped_ids: &[DeviceId],
) -> (Store, Cx) {
    let clock = Arc::new(ManualClock::new(crate::support::world::noon()));
    let config = domain::Config {
        database_url: server.world.database_url.clone(),
        data_dir: server.world.folder().to_owned(),
        public_url: server.url.clone(),
        command_key_file: None,
    };
    let store = Store::open(config, clock.clone()).await.expect("opens");
    let admin = cx(&store, &server.world.admin_secret).await;
    let mut reported = 0;
    for id in cramped_ids {
        reported += domain::device::get(&admin, *id).await.expect("a device").samples_dropped;
    }
    assert_eq!(reported, cramped.dropped, "what was dropped is known to the server");
    // Sealed, a sample that came twice is there once.
    clock.advance(now() + TimeDelta::hours(6) - crate::support::world::noon());
    let job = SystemCx::new(&store, "test");
    while domain::job::seal_metrics(&job).await.expect("sealed") > 0 {}
    let found = domain::metric::verify_database(&server.world.database_url).await.expect("verified");
    assert_eq!(found.faults_total, 0, "{found:?}");
    let produced = roomy.produced + cramped.produced;
    // A sample that was stored, and dropped before its acknowledgement could come, counts on both sides.
    let sure = produced - cramped.dropped;
    assert!((sure..=produced).contains(&found.samples), "{} of {produced}, {sure} at least", found.samples);
    (store, admin)
}

/// Counts the lines of a business's logs: taken = stored + spooled + dropped + left out, and the server knows of the last
/// two as well as the agents do.
async fn logs_in_the_database(admin: &Cx, business: BusinessId, devices: &[DeviceId], count: LogCount) {
    let LogCount { entries, suppressed } = count;
    let (mut stored, mut cursor) = (0, None);
    loop {
        let query = LogQuery { business_id: Some(business), limit: Some(200), cursor, ..LogQuery::default() };
        let page = domain::log_entry::list(admin, &query).await.expect("a page");
        stored += page.items.len() as u64;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let (mut dropped, mut left_out) = (0, 0);
    for id in devices {
        let totals =
            domain::log_entry::get_device(admin, *id).await.expect("a device").totals.expect("counted");
        dropped += totals.dropped;
        left_out += totals.suppressed;
    }
    assert!(suppressed > 0 && entries.acked > 0, "{count:?}");
    assert_eq!((dropped, left_out), (entries.dropped, suppressed), "what is missing is known to the server");
    let taken = entries.produced + suppressed;
    let known = stored + entries.spooled + dropped + left_out;
    // An entry that was stored, and dropped before its acknowledgement could come, counts on both sides.
    assert!((taken..=taken + dropped).contains(&known), "{known} of {taken}: {stored} stored, {count:?}");
    assert!(stored <= entries.produced, "{stored} stored of {}", entries.produced);
}

/// Samples about every second, in a hurry to come back.
fn rhythm(spool_max: usize) -> Rhythm {
    Rhythm {
        heartbeat: Some(Duration::from_secs(2)),
        metrics: Some(Duration::from_millis(800)),
        samples: 8,
        spool_max,
        software: 3,
        services: 3,
        logs: 0.5,
        logs_left_out: 0.3,
        logs_max: spool_max / 5,
        ack_within: Duration::from_secs(10),
        stamps: Stamps::From(now() - TimeDelta::hours(1), TimeDelta::milliseconds(100)),
        reconnect_first: Duration::from_millis(200),
        reconnect_longest: Duration::from_secs(1),
        ..Rhythm::default()
    }
}

/// The present of the program, which lives by the system's clock.
fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// Waits until every fleet's samples are acknowledged again.
async fn served(fleets: &[&Fleet]) {
    let before: Vec<u64> = fleets.iter().map(|fleet| fleet.count().acked).collect();
    wait(|| fleets.iter().zip(&before).all(|(fleet, before)| fleet.count().acked > before + 500)).await;
}

/// Waits until nothing waits any more. However busy the machine is: for as long as something still arrives.
async fn drained(fleets: &[&Fleet], tally: &Tally) {
    fleets.iter().for_each(|fleet| fleet.order(Order::Drain));
    let waiting = || fleets.iter().map(|fleet| fleet.count().spooled + fleet.logs().0).sum::<u64>();
    let (mut least, mut since) = (u64::MAX, Instant::now());
    loop {
        let left = waiting();
        if left == 0 {
            return;
        }
        if left < least {
            (least, since) = (left, Instant::now());
        }
        let counts = || fleets.iter().map(|fleet| (fleet.count(), fleet.logs())).collect::<Vec<_>>();
        assert!(since.elapsed() < PATIENCE, "nothing arrives: {:?} {:?}", counts(), tally.troubles());
        sleep(Duration::from_millis(20)).await;
    }
}

async fn wait(until: impl Fn() -> bool) {
    let since = Instant::now();
    while !until() {
        assert!(since.elapsed() < PATIENCE, "it did not come");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Devices of a business, several registered at once.
async fn devices(server: &TestServer, estate: Estate, count: usize) -> Vec<Identity> {
    let (door, tally) = (Door::new(&server.url, None).expect("a door"), Tally::default());
    let register = async |number| {
        let token = server.token(estate).await.token;
        Identity::register(&door, &token, &Machine::of_fleet(1, number), 0, &tally).await.expect("registered")
    };
    stream::iter(0..count).map(register).buffer_unordered(8).collect().await
}
