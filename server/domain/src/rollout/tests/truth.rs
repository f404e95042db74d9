//! What runs counts for more than what is said.

use super::world::{World, input, wave};
use crate::store::tests::estate::ENGINES;
use entity::{
    platform::Os,
    rollout::RolloutState,
    update::{Running, UpdateState},
};

/// R11: who says that it stays and runs something else has not got it.
#[tokio::test]
async fn r11_a_lie_counts_as_what_runs() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let mut machines = world.machines(3, Os::Linux).await;
        let id = world.start(input(world.release(2).await, vec![wave(100)])).await.rollout.id;
        let grant = machines[0].ask().await.expect("granted");
        assert!(machines[0].go(&grant).await.go);
        machines[0].say(&grant, UpdateState::Confirmed, 1).await;
        assert_eq!(world.count(id, UpdateState::Confirmed).await, 0, "{engine:?}");
        assert_eq!(world.count(id, UpdateState::RolledBack).await, 1);
        // A build of the same name that is another file is not it either.
        let grant = machines[1].ask().await.expect("granted");
        assert!(machines[1].go(&grant).await.go);
        let forged = Running { sha256: machines[1].running(1).sha256, ..machines[1].running(2) };
        crate::rollout::seen(&machines[1].cx, &forged).await.expect("noted");
        assert_eq!(world.count(id, UpdateState::Switched).await, 1, "the one before may still say hello");
        world.pass(16).await;
        crate::rollout::seen(&machines[1].cx, &forged).await.expect("noted");
        assert_eq!(world.count(id, UpdateState::RolledBack).await, 2);
    }
}

/// R11: who goes back after it said that it stays counts as gone wrong.
#[tokio::test]
async fn r11_going_back_after_success_is_bad() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let mut machines = world.machines(6, Os::Linux).await;
        let id = world.start(input(world.release(2).await, vec![wave(100)])).await.rollout.id;
        for machine in &mut machines[..5] {
            assert!(machine.update(2, 2).await);
            machine.hello(2).await;
        }
        assert_eq!(world.count(id, UpdateState::Confirmed).await, 5);
        machines[0].hello(1).await;
        assert_eq!(world.count(id, UpdateState::RolledBack).await, 1);
        assert_eq!(world.state(id).await, RolloutState::Halted, "{engine:?}: one of five is too much");
    }
}

/// Reports that come late, twice or about somebody else's update change nothing.
#[tokio::test]
async fn late_and_foreign_reports_change_nothing() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let mut machines = world.machines(2, Os::Linux).await;
        let id = world.start(input(world.release(2).await, vec![wave(100)])).await.rollout.id;
        let grant = machines[0].ask().await.expect("granted");
        machines[0].step = 4;
        machines[0].say(&grant, UpdateState::Staged, 1).await;
        machines[0].step = 1;
        machines[0].say(&grant, UpdateState::RolledBack, 1).await;
        machines[1].step = 90;
        machines[1].say(&grant, UpdateState::RolledBack, 1).await;
        assert_eq!(world.count(id, UpdateState::Staged).await, 1, "{engine:?}");
        assert!(crate::rollout::go(&machines[1].cx, grant.update_id).await.is_err(), "not its update");
    }
}

/// A device that was given up and comes back says how it really ended.
#[tokio::test]
async fn a_lost_device_may_come_back() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let mut machines = world.machines(2, Os::Linux).await;
        let id = world.start(input(world.release(2).await, vec![wave(100)])).await.rollout.id;
        let grant = machines[0].ask().await.expect("granted");
        assert!(machines[0].go(&grant).await.go);
        world.is_there(machines[0].id(), entity::presence::Presence::Offline).await;
        world.pass(20).await;
        assert_eq!(world.count(id, UpdateState::Lost).await, 1, "{engine:?}");
        assert_eq!(world.row(id).await.in_flight, 0);
        machines[0].say(&grant, UpdateState::Confirmed, 2).await;
        assert_eq!(world.count(id, UpdateState::Confirmed).await, 1);
        assert_eq!(world.row(id).await.in_flight, 0);
    }
}
