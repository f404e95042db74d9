//! A fleet gets a release that ruins it, and then one that is good: over the wire, from the program itself, with as many
//! simulated agents as `REEVE_FLEET` says.

use crate::support::{
    people::Person,
    program::{Program, session_of_today},
    release::{Trust, Words, built},
    server::{Estate, TestServer},
    world::Engine,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{DeviceId, ReleaseId},
    platform::{Arch, Os},
    release::Channel,
    rollout::{RolloutState, RolloutView},
};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use sim::{Door, Fate, Fleet, Identity, Machine, Manner, Rhythm, Tally, Updates};
use std::{
    env,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::time::sleep;

/// Agents, unless `REEVE_FLEET` says otherwise.
const FLEET: usize = 100;
/// What is awaited longer than this will not come, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r04_a_fleet_outlives_a_bad_build_on_sqlite() {
    outlives(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r04_a_fleet_outlives_a_bad_build_on_postgres() {
    outlives(Engine::Postgres).await;
}

async fn outlives(engine: Engine) {
    let size = env::var("REEVE_FLEET").ok().and_then(|size| size.parse().ok()).unwrap_or(FLEET);
    let mut server = TestServer::on(engine).await;
    let trust = Trust::of(&server);
    trust.begin(&server).await;
    let bad = release(&server, &trust, 2, "1.2.0").await;
    let good = release(&server, &trust, 3, "1.3.0").await;
    let identities = devices(&server, server.ours, size).await;
    let canaries: Vec<DeviceId> = identities.iter().take(5).map(|identity| identity.device).collect();
    server.stop().await;

    let program = Program::start(server.world.folder(), &server.world.database_url).await;
    let secret = session_of_today(&server.world, &program.url).await;
    let admin = Person::with_session(&program.url, &secret);
    let door = Door::new(&program.url, None).expect("a door");

    let (fleet, tally) = fleet(&door, identities.clone(), Fate::Bad);
    assert!(fleet.connected(size, PATIENCE).await.is_some(), "{:?}", tally.troubles());
    let halted = rolled_out(&admin, bad, &canaries, size).await;
    assert_eq!(halted.rollout.state, RolloutState::Halted, "{halted:?}");
    // Those that had begun come back by themselves, and nobody else begins.
    ended(&tally).await;
    // The server has to have heard it: who is about an update, as far as it knows, gets no other.
    let (path, since) = (format!("/rollouts/{}", halted.rollout.id), Instant::now());
    while admin.get(&path).await.expect::<RolloutView>(200).in_flight > 0 {
        assert!(since.elapsed() < PATIENCE, "they came back and it does not know it");
        sleep(Duration::from_millis(100)).await;
    }
    let updates = tally.updates();
    let count = |word: &str| updates.get(word).copied().unwrap_or(0);
    eprintln!(
        "R04: {size} agents, a bad build: {} changed over, {} came back, halted: {}",
        count("switched"),
        count("rolled_back"),
        halted.rollout.reason.clone().unwrap_or_default()
    );
    assert!(count("switched") >= 3 && count("switched") <= 50, "{updates:?}");
    assert_eq!(count("switched"), count("rolled_back"), "{updates:?}");
    assert_eq!((tally.unexpected_count(), count("confirmed")), (0, 0), "{:?}", tally.troubles());
    assert!(fleet.connected(size, PATIENCE).await.is_some(), "everybody is there: {:?}", tally.troubles());
    fleet.stop().await;

    let (fleet, tally) = self::fleet(&door, identities, Fate::Good);
    assert!(fleet.connected(size, PATIENCE).await.is_some(), "{:?}", tally.troubles());
    let completed = rolled_out(&admin, good, &canaries, size).await;
    assert_eq!(completed.rollout.state, RolloutState::Completed, "{completed:?}");
    let updates = tally.updates();
    eprintln!("R04: {size} agents, the good build after it: {updates:?}");
    assert_eq!(updates.get("confirmed").copied(), Some(size as u64), "{updates:?}");
    assert_eq!(tally.unexpected_count(), 0, "{:?}", tally.troubles());
    fleet.stop().await;
    program.stop().await;
}

/// Until no update is on its way any more.
async fn ended(tally: &Tally) {
    let since = Instant::now();
    loop {
        let updates = tally.updates();
        let count = |word: &str| updates.get(word).copied().unwrap_or(0);
        if count("switched") == count("rolled_back") {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "they do not end: {updates:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn release(server: &TestServer, trust: &Trust, seq: u64, version: &str) -> ReleaseId {
    let words = Words { seq, version, channel: Channel::Stable, expires: now() + TimeDelta::days(30) };
    let seed = u8::try_from(seq).expect("small");
    trust.released(server, &words, &[built(Os::Linux, Arch::X86_64, seed, 4_096)]).await
}

/// Starts a rollout of it and waits until it is halted or through.
async fn rolled_out(admin: &Person, release: ReleaseId, canaries: &[DeviceId], size: usize) -> RolloutView {
    let wave = |percent: u8| json!({"percent": percent, "soak_seconds": 0, "min_successes": 1, "success_percent": 95});
    let canary = json!({"devices": canaries, "soak_seconds": 0, "min_successes": 3, "success_percent": 95});
    let asked = json!({
        "name": "To everybody",
        "release_id": release,
        "target": {"scope": "all"},
        "waves": [canary, wave(1), wave(25), wave(100)],
        "spread_seconds": 0,
        "max_in_flight": size.clamp(50, 10_000),
    });
    let draft: RolloutView = admin.post("/rollouts", &asked).await.expect(201);
    let path = format!("/rollouts/{}", draft.rollout.id);
    let _: Value = admin.post(&format!("{path}/submit"), &json!({})).await.expect(200);
    let _: Value = admin.post(&format!("{path}/start"), &json!({})).await.expect(200);
    let since = Instant::now();
    loop {
        let view: RolloutView = admin.get(&path).await.expect(200);
        if matches!(view.rollout.state, RolloutState::Halted | RolloutState::Completed) {
            return view;
        }
        assert!(since.elapsed() < PATIENCE, "it does not end: {view:?}");
        sleep(Duration::from_millis(250)).await;
    }
}

fn fleet(door: &Door, identities: Vec<Identity>, fate: Fate) -> (Fleet, Arc<Tally>) {
    let tally = Arc::<Tally>::default();
    let rhythm = Rhythm {
        heartbeat: Some(Duration::from_secs(5)),
        metrics: Some(Duration::from_secs(10)),
        software: 3,
        services: 3,
        reconnect_first: Duration::from_millis(200),
        reconnect_longest: Duration::from_secs(2),
        ..Rhythm::default()
    };
    let updates =
        Some(Updates { fate, seq: 1, trial: Duration::from_secs(1), every: Duration::from_secs(15) });
    let fleet =
        Fleet::start(door, identities, rhythm, 1, &tally, |_, _| Manner { updates, ..Manner::default() });
    (fleet, tally)
}

/// The present of the program, which lives by the system's clock.
fn now() -> DateTime<Utc> {
    SystemTime::now().into()
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
