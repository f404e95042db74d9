//! R15: whoever looks after rollouts may die between any two statements, and several may look at once.

use super::world::{Machine, World, input, wave};
use crate::{
    SystemCx, job,
    store::{
        Reach,
        tests::estate::{ENGINES, Engine, open},
    },
};
use chrono::TimeDelta;
use entity::{
    id::RolloutId,
    platform::Os,
    rollout::{RolloutState, WaveInput},
    table::audit_entry,
    update::UpdateState,
};
use sea_orm::{ColumnTrait as _, QueryFilter as _};
use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

/// A future that is dropped after so many turns: what a process does that dies.
struct Dies<F> {
    inner: F,
    turns: usize,
}

impl<F: Future + Unpin> Future for Dies<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.turns == 0 {
            return Poll::Ready(None);
        }
        self.turns -= 1;
        Pin::new(&mut self.inner).poll(context).map(Some)
    }
}

/// What has to hold whenever somebody looks.
async fn check(world: &World, id: RolloutId) {
    let row = world.row(id).await;
    let updates = world.updates(id).await;
    let in_flight = updates.iter().filter(|row| row.state.is_in_flight()).count();
    assert_eq!(row.in_flight, i64::try_from(in_flight).expect("few"));
    let opened = Reach::everything()
        .select::<audit_entry::Entity>()
        .filter(audit_entry::Column::Action.eq("rollout.wave"))
        .all(world.estate.store.db())
        .await
        .expect("read");
    assert_eq!(i64::try_from(opened.len()).expect("few"), row.wave, "each wave was opened once");
}

async fn due(machines: &mut [Machine]) {
    for machine in machines.iter_mut() {
        machine.update(2, 2).await;
    }
}

#[tokio::test]
async fn r15_the_scheduler_may_die_at_every_point() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let mut machines = world.machines(30, Os::Linux).await;
        // Only the clock opens waves: each has to last.
        let waves = [20, 60, 100].map(|percent| WaveInput { soak_seconds: 90, ..wave(percent) });
        let id = world.start(input(world.release(2).await, waves.to_vec())).await.rollout.id;
        let mut deaths = 0;
        for round in 0..120 {
            due(&mut machines).await;
            world.estate.clock.advance(TimeDelta::seconds(20));
            let turns = 1 + round * 7 % 60;
            let cx = SystemCx::new(&world.estate.store, "test");
            let pass = Box::pin(job::pass_rollouts(&cx));
            if (Dies { inner: pin!(pass), turns }).await.is_none() {
                deaths += 1;
            }
            check(&world, id).await;
        }
        for _ in 0..3 {
            world.pass(2).await;
            due(&mut machines).await;
            world.pass(2).await;
        }
        check(&world, id).await;
        assert!(deaths > 3, "{engine:?}: it died {deaths} times");
        assert_eq!(world.state(id).await, RolloutState::Completed);
        assert_eq!(world.count(id, UpdateState::Confirmed).await, 30);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r15_two_servers_look_at_once() {
    let world = World::on(Engine::Postgres).await;
    let other = open(&world.estate.url, &world.estate.folder, Arc::clone(&world.estate.clock)).await;
    let other = other.expect("a second server");
    let mut machines = world.machines(30, Os::Linux).await;
    let id = world.start(input(world.release(2).await, vec![wave(20), wave(60), wave(100)])).await.rollout.id;
    for _ in 0..6 {
        due(&mut machines).await;
        let (one, two) = (SystemCx::new(&world.estate.store, "one"), SystemCx::new(&other, "two"));
        let (first, second) = tokio::join!(job::pass_rollouts(&one), job::pass_rollouts(&two));
        first.expect("looked");
        second.expect("looked");
        check(&world, id).await;
    }
    assert_eq!(world.state(id).await, RolloutState::Completed);
}
