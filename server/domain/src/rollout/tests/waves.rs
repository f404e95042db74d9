//! Waves: who belongs to which, what opens the next one, and what stops all of it.

use super::world::{World, input, named, wave};
use crate::{
    rollout,
    store::tests::estate::{ENGINES, Engine},
};
use entity::{
    platform::Os,
    presence::Presence,
    problem::ProblemCode,
    release::Reason,
    rollout::{NoteInput, ResumeInput, RollBackInput, RolloutInput, RolloutState, RolloutTarget, WaveInput},
    table::{device, release},
    update::UpdateState,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

/// R01, R03: named devices first, then parts of all; raising the percent takes nobody out, late joiners come by rule, and
/// devices that move away leave.
#[tokio::test]
async fn r03_waves_take_who_they_mean() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let mut machines = world.machines(40, Os::Linux).await;
        let target = RolloutTarget::Businesses { business_ids: vec![world.estate.ours] };
        let canaries = [machines[0].id(), machines[1].id()];
        let waves = vec![named(&canaries), wave(50), wave(100)];
        let id =
            world.start(RolloutInput { target, ..input(world.release(2).await, waves) }).await.rollout.id;
        assert_eq!(world.updates(id).await.len(), 2, "{engine:?}: the snapshot of the first wave");
        assert!(machines[2].ask().await.is_none());
        for machine in &mut machines[..2] {
            assert!(machine.update(2, 2).await);
        }
        world.pass(0).await;
        assert_eq!(world.row(id).await.wave, 2);
        let taken = world.updates(id).await;
        assert!((10..=32).contains(&taken.len()), "about half of 40: {}", taken.len());
        let is_in = |id| taken.iter().any(|row| row.device_id == id);
        let outside = machines.iter().find(|machine| !is_in(machine.id())).expect("one of the other half");
        assert!(outside.ask().await.is_none());
        // One of those that wait goes to the neighbour, and one comes late.
        let mover = machines[2..].iter().find(|machine| is_in(machine.id())).expect("one that waits");
        let change = world.estate.store.begin().await.expect("begins");
        device::Entity::update_many()
            .col_expr(device::Column::BusinessId, Expr::value(world.estate.theirs))
            .filter(device::Column::Id.eq(mover.id()))
            .exec(&*change)
            .await
            .expect("moved");
        change.commit_unattended().await.expect("committed");
        assert!(mover.ask().await.is_none(), "it is not meant any more");
        world.pass(0).await;
        assert_eq!(world.count(id, UpdateState::Skipped).await, 1);
        let late = world.machines(30, Os::Linux).await;
        let mut granted = 0;
        for machine in &late {
            if machine.ask().await.is_some() {
                granted += 1;
                let found = world.updates(id).await;
                let row = found.iter().find(|row| row.device_id == machine.id()).expect("written down");
                assert_eq!(row.wave, 2);
            }
        }
        assert!(granted > 0, "late joiners join by rule");
    }
}

/// R03: a wave has to last, to have enough of each platform, and what is good completes.
#[tokio::test]
async fn waves_prove_themselves_one_after_the_other() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let mut linux = world.machines(4, Os::Linux).await;
        let mut windows = world.machines(2, Os::Windows).await;
        let canaries = [linux[0].id(), linux[1].id(), windows[0].id()];
        let first = WaveInput { soak_seconds: 3_600, min_successes: 2, ..named(&canaries) };
        let id = world.start(input(world.release(2).await, vec![first, wave(100)])).await.rollout.id;
        assert!(linux[0].update(2, 2).await && linux[1].update(2, 2).await);
        world.pass(120).await;
        let view = rollout::get(&world.ada().await, id).await.expect("seen");
        let words = view.waves[0].waiting_for.clone().expect("it waits");
        assert_eq!(words, "Devices that still have to have it on Windows x86_64: 1.", "{engine:?}");
        assert!(windows[0].update(2, 2).await);
        world.pass(59).await;
        assert_eq!(world.row(id).await.wave, 1, "it has to last");
        world.pass(2).await;
        assert_eq!(world.row(id).await.wave, 2);
        for machine in linux[2..].iter_mut().chain(&mut windows[1..]) {
            assert!(machine.update(2, 2).await);
        }
        world.pass(0).await;
        assert_eq!(world.state(id).await, RolloutState::Completed);
        let mut late = world.machines(1, Os::Linux).await.remove(0);
        assert!(late.update(2, 2).await, "who comes late gets it all the same");
    }
}

/// R04: three in a row stop it, and from then on nobody is granted it or let go on. R07: somebody else lets it go on.
#[tokio::test]
async fn r04_bad_builds_stop_and_r07_somebody_else_lets_it_go_on() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let mut machines = world.machines(12, Os::Linux).await;
        let id = world.start(input(world.release(2).await, vec![wave(100)])).await.rollout.id;
        let staged = machines[9].ask().await.expect("granted");
        machines[9].say(&staged, UpdateState::Staged, 1).await;
        for machine in &mut machines[..3] {
            assert!(machine.fail().await);
        }
        let row = world.row(id).await;
        assert_eq!(row.state, RolloutState::Halted, "{engine:?}");
        assert_eq!(
            row.reason.as_deref(),
            Some("3 devices in a row went wrong after the change on Linux x86_64.")
        );
        assert!(machines[4].ask().await.is_none());
        let answer = machines[9].go(&staged).await;
        assert!(!answer.go && answer.reason.as_deref() == Some("The rollout is halted."));
        world.pass(1).await;
        let (ada, ben) = (world.ada().await, world.ben().await);
        let reason = || ResumeInput { reason: "Those three were an experiment.".to_owned() };
        assert!(rollout::resume(&ada, id, reason()).await.is_err(), "not who started it");
        assert!(rollout::resume(&ben, id, ResumeInput::default()).await.is_err(), "not without a reason");
        rollout::resume(&ben, id, reason()).await.expect("somebody else");
        assert_eq!(world.state(id).await, RolloutState::Running, "what was seen does not stop it again");
        assert!(machines[9].go(&staged).await.go);
        machines[9].say(&staged, UpdateState::Confirmed, 2).await;
        assert!(machines[4].update(2, 2).await);
        for machine in &mut machines[5..8] {
            machine.fail().await;
        }
        assert_eq!(world.state(id).await, RolloutState::Halted, "and three more do");
        assert!(machines[0].ask().await.is_none(), "a build that failed on a device is not granted again");
    }
}

/// What comes to nothing before the change stops it later, and what the server held back does not count.
#[tokio::test]
async fn failures_before_the_change_stop_at_a_fifth() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let mut machines = world.machines(12, Os::Linux).await;
        let id = world.start(input(world.release(2).await, vec![wave(100)])).await.rollout.id;
        for machine in &mut machines[..4] {
            assert!(machine.update(2, 2).await);
        }
        for (index, reason) in [(4, Reason::DiskFull), (5, Reason::NoGo), (6, Reason::DownloadFailed)] {
            let grant = machines[index].ask().await.expect("granted");
            machines[index].say_why(&grant, UpdateState::FailedPre, 1, Some(reason)).await;
            let halts = index == 6;
            assert_eq!(world.state(id).await == RolloutState::Halted, halts, "{engine:?} {index}");
        }
        assert_eq!(world.count(id, UpdateState::Expired).await, 1);
        let words = world.row(id).await.reason.expect("why");
        assert_eq!(words, "2 of 6 devices came to nothing before the change on Linux x86_64.");
    }
}

/// R05: a build that silences devices stops by its silence. R06: who was away before does not count.
#[tokio::test]
async fn r05_silence_counts_and_r06_absence_does_not() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let machines = world.machines(10, Os::Linux).await;
        for machine in &machines[6..] {
            world.is_there(machine.id(), Presence::Offline).await;
        }
        let id = world.start(input(world.release(2).await, vec![wave(100)])).await.rollout.id;
        for machine in &machines[..3] {
            let grant = machine.ask().await.expect("granted");
            assert!(machine.go(&grant).await.go);
            world.is_there(machine.id(), Presence::Offline).await;
        }
        world.pass(14).await;
        assert_eq!(world.state(id).await, RolloutState::Running, "{engine:?}");
        world.pass(1).await;
        assert_eq!(world.count(id, UpdateState::Lost).await, 3);
        assert_eq!(world.state(id).await, RolloutState::Halted);
        assert_eq!(world.count(id, UpdateState::Waiting).await, 7, "who was away only waits");
    }
}

/// R07: whatever the moment, a pause and a cancellation leave nobody who goes on.
#[tokio::test]
async fn r07_pause_cancel_and_supersede_hold_everybody() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let machines = world.machines(5, Os::Linux).await;
        let id = world.start(input(world.release(2).await, vec![wave(100)])).await.rollout.id;
        let grant = machines[0].ask().await.expect("granted");
        let ada = world.ada().await;
        rollout::pause(&ada, id, NoteInput { note: "Lunch".to_owned() }).await.expect("paused");
        assert!(!machines[0].go(&grant).await.go);
        assert!(machines[0].ask().await.is_none() && machines[1].ask().await.is_none());
        rollout::resume(&ada, id, ResumeInput::default()).await.expect("who paused it may");
        assert_eq!(machines[0].ask().await, Some(grant.clone()));
        let newer = world.start(input(world.release(3).await, vec![wave(100)])).await.rollout.id;
        assert_eq!(world.state(id).await, RolloutState::Superseded, "{engine:?}");
        assert!(!machines[0].go(&grant).await.go, "its rollout was superseded");
        let fresh = machines[0].ask().await.expect("the newer one");
        assert_eq!(fresh.rollout_id, newer);
        rollout::cancel(&ada, newer, NoteInput::default()).await.expect("cancelled");
        assert!(!machines[0].go(&fresh).await.go);
        for machine in &machines {
            assert!(machine.ask().await.is_none());
        }
        assert_eq!(world.row(newer).await.in_flight, 0);
    }
}

/// R10: a newer release of the older program goes to those who got what is undone, and to nobody else; once more when that
/// was taken back.
#[tokio::test]
async fn r10_a_rollout_is_undone_by_a_newer_one() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let mut machines = world.machines(12, Os::Linux).await;
        let id = world.start(input(world.release(2).await, vec![wave(100)])).await.rollout.id;
        for machine in &mut machines[..8] {
            assert!(machine.update(2, 2).await);
        }
        let again = world.release_of(3, 1, 0).await;
        let ada = world.ada().await;
        let ask = |release_id| RollBackInput { release_id, reason: "It eats disks.".to_owned() };
        let confirmed = ada.confirmed().expect("just signed in");
        let bad = rollout::roll_back(&confirmed, id, ask(world.row(id).await.release_id)).await;
        assert_eq!(bad.expect_err("not newer").problem().field.as_deref(), Some("release_id"));
        let undoing = rollout::roll_back(&confirmed, id, ask(again)).await.expect("begun");
        let twice = rollout::roll_back(&confirmed, id, ask(again)).await.expect_err("it is being undone");
        assert_eq!(twice.problem().code, ProblemCode::Conflict);
        rollout::cancel(&ada, undoing.rollout.id, NoteInput::default()).await.expect("taken back");
        let undoing = rollout::roll_back(&confirmed, id, ask(again)).await.expect("begun anew");
        assert_eq!(undoing.rollout.undoes.as_ref().map(|other| other.id), Some(id));
        assert_eq!(world.state(id).await, RolloutState::RollingBack);
        assert!(machines[9].ask().await.is_none(), "{engine:?}: it never got what is undone");
        for _ in 0..4 {
            for machine in &mut machines[..8] {
                machine.update(3, 1).await;
            }
            world.pass(6).await;
        }
        assert_eq!(world.count(undoing.rollout.id, UpdateState::Confirmed).await, 8);
        assert_eq!(world.state(undoing.rollout.id).await, RolloutState::Completed);
        assert_eq!(world.state(id).await, RolloutState::RolledBack);
    }
}

/// Two for the same devices that begin at the same time do not wait for each other: one takes the place of the other.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_begin_at_once_one_is_superseded() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        world.machines(3, Os::Linux).await;
        let (ada, release) = (world.ada().await, world.release(2).await);
        let sure = ada.confirmed().expect("just signed in");
        let mut ids = Vec::new();
        for _ in 0..2 {
            let made = rollout::create(&ada, input(release, vec![wave(100)])).await.expect("drafted");
            ids.push(rollout::submit(&sure, made.rollout.id).await.expect("handed in").rollout.id);
        }
        let (one, other) = tokio::join!(rollout::start(&sure, ids[0]), rollout::start(&sure, ids[1]));
        let (begun, refused): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(Result::is_ok);
        assert_eq!(begun.len(), 1, "{engine:?}: {refused:?}");
        for error in refused.into_iter().filter_map(Result::err) {
            assert_eq!(error.problem().code, ProblemCode::Conflict, "{engine:?}");
        }
    }
}

/// What every device would refuse is offered to none: their refusals would stop a rollout that did nothing wrong.
#[tokio::test]
async fn a_release_that_is_out_of_date_is_offered_to_nobody() {
    let world = World::on(Engine::Sqlite).await;
    let machines = world.machines(2, Os::Linux).await;
    let newer = world.release(2).await;
    let id = world.start(input(newer, vec![wave(100)])).await.rollout.id;
    let change = world.estate.store.begin().await.expect("begins");
    release::Entity::update_many()
        .col_expr(release::Column::ExpiresAt, Expr::value(world.now()))
        .exec(&*change)
        .await
        .expect("written");
    change.commit_unattended().await.expect("committed");
    assert!(machines[0].ask().await.is_none());
    world.pass(5).await;
    assert_eq!(world.state(id).await, RolloutState::Running, "it waits until somebody signs it again");
    let ada = world.ada().await;
    let says_so = async |id: entity::id::RolloutId| {
        let view = rollout::get(&ada, id).await.expect("seen");
        view.waves[0].waiting_for.as_deref().is_some_and(|words| words.contains("signed again"))
    };
    assert!(says_so(id).await);
    let sure = ada.confirmed().expect("just signed in");
    let made = rollout::create(&ada, input(newer, vec![wave(100)])).await.expect("drafted");
    rollout::submit(&sure, made.rollout.id).await.expect("handed in");
    let refused = rollout::start(&sure, made.rollout.id).await.expect_err("nobody would take it");
    assert_eq!(refused.problem().code, ProblemCode::Conflict);
    assert!(says_so(made.rollout.id).await, "whoever waits for its start sees why it does not come");
}

/// A release that is withdrawn ends its rollouts.
#[tokio::test]
async fn a_withdrawn_release_goes_to_nobody() {
    let world = World::on(Engine::Sqlite).await;
    let machines = world.machines(2, Os::Linux).await;
    let release = world.release(2).await;
    let id = world.start(input(release, vec![wave(100)])).await.rollout.id;
    let grant = machines[0].ask().await.expect("granted");
    let change = world.estate.store.begin().await.expect("begins");
    rollout::release_withdrawn(&change, release).await.expect("told");
    change.commit_unattended().await.expect("committed");
    assert_eq!(world.state(id).await, RolloutState::Cancelled);
    assert!(!machines[0].go(&grant).await.go && machines[1].ask().await.is_none());
}
