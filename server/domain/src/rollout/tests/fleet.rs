//! A bad build in a large fleet: how many devices ever change over to it.

use super::world::{Machine, World, input};
use crate::{rollout::Grant, store::tests::estate::Engine};
use chrono::TimeDelta;
use entity::{
    platform::Os,
    release::Reason,
    rollout::{RolloutInput, RolloutState},
    update::UpdateState,
};
use std::collections::BTreeMap;

/// Devices of the fleet.
const FLEET: usize = 10_000;
/// Devices that ask in one turn of half a minute.
const ASK: usize = 250;

/// A device that was granted something, and the turn at which it does the next thing.
struct Busy {
    grant: Grant,
    has_switched: bool,
    next: usize,
}

/// R04: 10,000 devices, and a build that dies two minutes after the change: at most half a percent ever change over, all of
/// them go back, and it stops with the report that decides.
#[tokio::test]
async fn r04_a_bad_build_reaches_few_of_ten_thousand() {
    let world = World::on(Engine::Sqlite).await;
    let mut machines: Vec<Machine> = world.machines(FLEET, Os::Linux).await;
    let waves = RolloutInput::usual_waves();
    let id = world.start(input(world.release(2).await, waves)).await.rollout.id;
    let wave = world.updates(id).await.len();
    assert!((60..=140).contains(&wave), "one percent of 10,000: {wave}");
    let (mut switched, mut back, mut halted_at) = (0, 0, None);
    let mut busy: BTreeMap<usize, Busy> = BTreeMap::new();
    for turn in 0..200_usize {
        world.estate.clock.advance(TimeDelta::seconds(30));
        crate::job::pass_rollouts(&crate::SystemCx::new(&world.estate.store, "test")).await.expect("looked");
        // Everybody asks now and then; those of the wave are hinted and ask at once.
        let asking: Vec<usize> = (0..ASK).map(|index| (turn * ASK + index) % FLEET).collect();
        let hinted = hinted(&world, &machines, id).await;
        for index in asking.into_iter().chain(hinted) {
            if busy.contains_key(&index) {
                continue;
            }
            if let Some(grant) = machines[index].ask().await {
                busy.insert(index, Busy { grant, has_switched: false, next: turn + 2 });
            }
        }
        let due: Vec<usize> =
            busy.iter().filter(|(_, one)| one.next <= turn).map(|(index, _)| *index).collect();
        for index in due {
            let one = busy.get_mut(&index).expect("busy");
            let machine = &mut machines[index];
            if one.has_switched {
                let grant = one.grant.clone();
                machine.say_why(&grant, UpdateState::RolledBack, 1, Some(Reason::Crashed)).await;
                back += 1;
                busy.remove(&index);
            } else if machine.go(&one.grant).await.go {
                switched += 1;
                (one.has_switched, one.next) = (true, turn + 4);
            } else {
                busy.remove(&index);
            }
        }
        if halted_at.is_none() && world.state(id).await == RolloutState::Halted {
            halted_at = Some(turn);
        }
        if halted_at.is_some_and(|at| turn >= at + 20) {
            break;
        }
    }
    let reason = world.row(id).await.reason.unwrap_or_default();
    eprintln!(
        "a bad build in a fleet of {FLEET}: {wave} in the first wave, {switched} changed over, {back} went back, halted \
         after {} seconds: {reason}",
        halted_at.unwrap_or_default() * 30
    );
    assert!(halted_at.is_some() && busy.is_empty());
    assert_eq!(switched, back, "all of them are back");
    assert!((3..=50).contains(&switched), "{switched} of {FLEET} changed over");
    assert_eq!(world.row(id).await.in_flight, 0);
}

/// Devices that were told that something waits for them.
async fn hinted(world: &World, machines: &[Machine], id: entity::id::RolloutId) -> Vec<usize> {
    let rows = world.updates(id).await;
    let told: std::collections::BTreeSet<_> = rows
        .iter()
        .filter(|row| row.state == UpdateState::Waiting && row.hinted_at == Some(world.now()))
        .map(|row| row.device_id)
        .collect();
    (0..machines.len()).filter(|index| told.contains(&machines[*index].id())).collect()
}
