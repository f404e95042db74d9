//! Who is granted what: caps, leases, versions, one update at a time.

use super::world::{World, input, wave};
use crate::{
    rollout::timed::{look_after, overdue},
    store::tests::estate::{ENGINES, Engine},
};
use chrono::TimeDelta;
use entity::{
    id::RolloutId,
    platform::Os,
    presence::Presence,
    rollout::{NoteInput, ResumeInput, RolloutInput, RolloutTarget},
    table::{device, rollout},
    update::UpdateState,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

/// Lets a rollout grant as many at once as its cap says, from the first device on.
async fn without_ramp(world: &World, id: RolloutId) {
    let change = world.estate.store.begin().await.expect("begins");
    rollout::Entity::update_many()
        .col_expr(rollout::Column::FirstInFlight, Expr::value(10_000))
        .filter(rollout::Column::Id.eq(id))
        .exec(&*change)
        .await
        .expect("written");
    change.commit_unattended().await.expect("committed");
}

/// R08: however many ask at once, the cap is never passed. `REEVE_ROLLOUT_STORM` is `<devices>x<rounds>` for a longer run.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r08_the_cap_holds_under_parallel_questions() {
    let storm = std::env::var("REEVE_ROLLOUT_STORM").unwrap_or_else(|_| "200x3".to_owned());
    let (devices, rounds) = storm.split_once('x').expect("<devices>x<rounds>");
    let (devices, rounds): (usize, u64) =
        (devices.parse().expect("a number"), rounds.parse().expect("a number"));
    for engine in ENGINES {
        let world = World::on(engine).await;
        let machines = world.machines(devices, Os::Linux).await;
        for round in 0..rounds {
            let release = world.release(2 + round).await;
            let input = RolloutInput { max_in_flight: 50, ..input(release, vec![wave(100)]) };
            let id = world.start(input).await.rollout.id;
            without_ramp(&world, id).await;
            let mut asking = tokio::task::JoinSet::new();
            for machine in &machines {
                let machine = machine.clone();
                asking.spawn(async move { machine.ask().await.is_some() });
            }
            let granted = asking.join_all().await.into_iter().filter(|granted| *granted).count();
            let offered = world.count(id, UpdateState::Offered).await;
            assert_eq!((granted, offered), (devices.min(50), devices.min(50)), "{engine:?}, round {round}");
            assert_eq!(world.row(id).await.in_flight, i64::try_from(offered).expect("few"));
        }
    }
}

/// The same from two server processes that share PostgreSQL.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r08_two_servers_grant_at_once() {
    let world = World::on(Engine::Postgres).await;
    let other = crate::store::tests::estate::open(
        &world.estate.url,
        &world.estate.folder,
        std::sync::Arc::clone(&world.estate.clock),
    )
    .await
    .expect("a second server");
    let machines = world.machines(60, Os::Linux).await;
    let input = RolloutInput { max_in_flight: 20, ..input(world.release(2).await, vec![wave(100)]) };
    let id = world.start(input).await.rollout.id;
    without_ramp(&world, id).await;
    let mut asking = tokio::task::JoinSet::new();
    for (index, machine) in machines.iter().enumerate() {
        let mut machine = machine.clone();
        if index % 2 == 0 {
            let cx =
                crate::AgentCx::new(&other, machine.id(), machine.cx.device_key(), machine.cx.business_id());
            machine.cx = cx;
        }
        asking.spawn(async move { machine.ask().await.is_some() });
    }
    let granted = asking.join_all().await.into_iter().filter(|granted| *granted).count();
    assert_eq!((granted, world.count(id, UpdateState::Offered).await), (20, 20));
}

/// R09: a device that dies after the grant gives its place back, and may ask again.
#[tokio::test]
async fn r09_a_lost_grant_returns_its_place() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let machines = world.machines(3, Os::Linux).await;
        let input = RolloutInput { max_in_flight: 2, ..input(world.release(2).await, vec![wave(100)]) };
        let id = world.start(input).await.rollout.id;
        let first = machines[0].ask().await.expect("granted");
        assert_eq!(machines[0].ask().await, Some(first.clone()), "asked again, the same is granted");
        assert!(machines[1].ask().await.is_some());
        assert!(machines[2].ask().await.is_none(), "there is no room");
        world.pass(59).await;
        assert!(machines[2].ask().await.is_none(), "the grants are still good");
        world.pass(1).await;
        assert_eq!(world.count(id, UpdateState::Expired).await, 2, "{engine:?}");
        assert!(!machines[0].go(&first).await.go, "the grant has run out");
        assert!(machines[2].ask().await.is_some());
        let anew = machines[0].ask().await.expect("granted anew");
        assert_ne!(anew.update_id, first.update_id);
        assert!(machines[0].go(&anew).await.go);
        assert_eq!(world.row(id).await.in_flight, 2);
    }
}

/// A device that says something keeps its place.
#[tokio::test]
async fn a_slow_download_keeps_its_grant() {
    let world = World::on(Engine::Sqlite).await;
    let mut machine = world.machines(1, Os::Linux).await.remove(0);
    world.start(input(world.release(2).await, vec![wave(100)])).await;
    let grant = machine.ask().await.expect("granted");
    for _ in 0..4 {
        world.pass(50).await;
        machine.say(&grant, UpdateState::Downloading, 1).await;
    }
    assert!(machine.go(&grant).await.go);
}

/// Whoever says something just as its grant runs out keeps its place: what looks after rollouts had read an older row.
#[tokio::test]
async fn a_grant_that_was_renewed_meanwhile_is_not_taken_back() {
    let world = World::on(Engine::Sqlite).await;
    let mut machine = world.machines(1, Os::Linux).await.remove(0);
    let id = world.start(input(world.release(2).await, vec![wave(100)])).await.rollout.id;
    let grant = machine.ask().await.expect("granted");
    machine.say(&grant, UpdateState::Downloading, 1).await;
    world.estate.clock.advance(TimeDelta::minutes(61));
    let store = &world.estate.store;
    let read = overdue(store).await.expect("read").remove(&id).expect("it has run out");
    machine.say(&grant, UpdateState::Downloading, 1).await;
    assert!(!look_after(store, id, read).await.expect("looked"), "nothing is due any more");
    assert_eq!(world.count(id, UpdateState::Downloading).await, 1);
    assert!(machine.go(&grant).await.go);
}

/// R03: a device that moved out of the target after it was granted the update does not change over.
#[tokio::test]
async fn r03_who_moved_away_meanwhile_is_not_let_go_on() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let machines = world.machines(2, Os::Linux).await;
        let target = RolloutTarget::Businesses { business_ids: vec![world.estate.ours] };
        let asked = RolloutInput { target, ..input(world.release(2).await, vec![wave(100)]) };
        world.start(asked).await;
        let grants = [machines[0].ask().await.expect("granted"), machines[1].ask().await.expect("granted")];
        let change = world.estate.store.begin().await.expect("begins");
        device::Entity::update_many()
            .col_expr(device::Column::BusinessId, Expr::value(world.estate.theirs))
            .filter(device::Column::Id.eq(machines[0].id()))
            .exec(&*change)
            .await
            .expect("moved");
        change.commit_unattended().await.expect("committed");
        let answer = machines[0].go(&grants[0]).await;
        assert!(!answer.go && answer.reason.is_some_and(|why| why.contains("no longer")), "{engine:?}");
        assert!(machines[1].go(&grants[1]).await.go);
    }
}

/// What the server held back is no try of the device: a rollout that is paused night after night still reaches it.
#[tokio::test]
async fn grants_that_a_pause_outlasted_do_not_count() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let machine = world.machines(1, Os::Linux).await.remove(0);
        let id = world.start(input(world.release(2).await, vec![wave(100)])).await.rollout.id;
        for night in 0..4 {
            assert!(machine.ask().await.is_some(), "{engine:?}, night {night}");
            let ada = world.ada().await;
            crate::rollout::pause(&ada, id, NoteInput::default()).await.expect("paused");
            world.pass(61).await;
            assert_eq!(world.count(id, UpdateState::Expired).await, 1);
            crate::rollout::resume(&ada, id, ResumeInput::default()).await.expect("goes on");
        }
    }
}

/// R12: a device is about one update at a time; the newer one goes first.
#[tokio::test]
async fn r12_one_update_at_a_time_and_the_newest_first() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let mut machines = world.machines(2, Os::Linux).await;
        let (older, newer) = (world.release(2).await, world.release(3).await);
        let of_one = RolloutTarget::Devices { device_ids: vec![machines[0].id()] };
        let all = world.start(input(older, vec![wave(100)])).await.rollout.id;
        let held = machines[0].ask().await.expect("the older one");
        assert_eq!(held.rollout_id, all);
        let one =
            world.start(RolloutInput { target: of_one, ..input(newer, vec![wave(100)]) }).await.rollout.id;
        assert_eq!(machines[0].ask().await, Some(held.clone()), "what it is about is not changed under it");
        machines[0].say(&held, UpdateState::Staged, 1).await;
        assert!(machines[0].go(&held).await.go);
        machines[0].say(&held, UpdateState::Confirmed, 2).await;
        (machines[0].seq, machines[0].highest_seq) = (2, 2);
        assert_eq!(machines[0].ask().await.expect("the newer one").rollout_id, one, "{engine:?}");
        assert_eq!(machines[1].ask().await.expect("the older one").rollout_id, all);
        let other = world.machines(1, Os::Linux).await.remove(0);
        assert_eq!(other.ask().await.expect("granted").rollout_id, all, "the newer one is not meant for it");
    }
}

/// R13: what says no version gets nothing, ever.
#[tokio::test]
async fn r13_odd_versions_get_nothing() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let mut machine = world.machines(1, Os::Linux).await.remove(0);
        let id = world.start(input(world.release(2).await, vec![wave(100)])).await.rollout.id;
        let huge = "9".repeat(10 * 1024);
        for odd in ["", "v1", "1.0.0-😀", "1.0", "latest", huge.as_str()] {
            odd.clone_into(&mut machine.version);
            assert!(machine.ask().await.is_none(), "{odd:?}");
            let running = entity::update::Running { version: odd.to_owned(), ..machine.running(1) };
            crate::rollout::seen(&machine.cx, &running).await.expect("noted, whatever it is");
        }
        assert_eq!(world.count(id, UpdateState::Offered).await, 0);
        "1.1.0".clone_into(&mut machine.version);
        assert!(machine.ask().await.is_some(), "{engine:?}: and when it says one, it does");
    }
}

/// R14: a device that was away for long comes over the stepping stone.
#[tokio::test]
async fn r14_stepping_stones_are_taken_first() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let mut machines = world.machines(2, Os::Linux).await;
        let stone = world.start(input(world.release(2).await, vec![wave(100)])).await.rollout.id;
        assert!(machines[0].update(2, 2).await);
        let last = world.release_of(3, 3, 2).await;
        let id = world.start(input(last, vec![wave(100)])).await.rollout.id;
        assert_eq!(machines[0].ask().await.expect("granted").rollout_id, id, "{engine:?}");
        assert_eq!(machines[1].ask().await.expect("granted").rollout_id, stone, "the stone is still there");
        assert!(machines[1].update(2, 2).await);
        assert_eq!(machines[1].ask().await.expect("granted").rollout_id, id);
    }
}

/// R16: devices are spread over the time that was agreed, and never more than the cap fetch at once.
#[tokio::test]
async fn r16_downloads_are_spread_and_bounded() {
    let world = World::on(Engine::Sqlite).await;
    let machines = world.machines(40, Os::Linux).await;
    let input = RolloutInput {
        spread_seconds: 600,
        max_in_flight: 30,
        ..input(world.release(2).await, vec![wave(100)])
    };
    let id = world.start(input).await.rollout.id;
    without_ramp(&world, id).await;
    let mut moments = Vec::new();
    for machine in &machines {
        if let Some(grant) = machine.ask().await {
            let at = grant.not_before.expect("spread");
            assert!(grant.lease_expires_at - at == chrono::TimeDelta::hours(1));
            moments.push((at - world.now()).num_seconds());
        }
    }
    assert_eq!(moments.len(), 30, "no more than the cap fetch at once");
    assert!(moments.iter().all(|at| (0..600).contains(at)));
    let early = moments.iter().filter(|at| **at < 300).count();
    assert!((6..=24).contains(&early), "{early} of 30 in the first half");
}

/// Hints go to as many devices as there is room for, to those that are there, and losing them loses nothing.
#[tokio::test]
async fn hints_are_few_and_only_for_those_who_are_there() {
    let world = World::on(Engine::Sqlite).await;
    let machines = world.machines(6, Os::Linux).await;
    world.is_there(machines[5].id(), Presence::Offline).await;
    let input = RolloutInput { max_in_flight: 2, ..input(world.release(2).await, vec![wave(100)]) };
    world.start(input).await;
    let hinted = async || {
        let mut count = 0;
        for machine in &machines {
            count += usize::from(crate::rollout::hint(&machine.cx, false).await.expect("answered").is_some());
        }
        count
    };
    assert_eq!(hinted().await, 0);
    world.pass(0).await;
    assert_eq!(hinted().await, 2);
    let told = crate::rollout::hint(&machines[4].cx, true).await.expect("answered").expect("has just come");
    assert_eq!((told.new_version.as_str(), told.seq), ("1.2.0", 2));
    assert!(
        machines[3].ask().await.is_some() && machines[4].ask().await.is_some(),
        "they ask without a hint"
    );
    assert!(
        crate::rollout::hint(&machines[0].cx, true).await.expect("answered").is_none(),
        "there is no room"
    );
}
