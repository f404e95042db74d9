//! The power goes, the disk fills up, files rot: at any step of an update.

use super::{Habit, World};
use entity::update::UpdateState;

const SEEDS: u64 = 2_000;

fn seeds() -> u64 {
    std::env::var("REEVE_POWER_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS)
}

/// Restarts until the power stays on.
fn restart(world: &mut World, chance: &mut fastrand::Rng, cuts: &mut u32) {
    loop {
        world.disk.power_on();
        if *cuts > 0 {
            *cuts -= 1;
            world.disk.cut_at(Some(world.disk.steps() + 1 + chance.u64(0..90)));
        }
        world.begin();
        if world.engine.is_some() && !world.disk.is_off() {
            return;
        }
    }
}

fn one(seed: u64) {
    let mut chance = fastrand::Rng::with_seed(seed);
    let habit = [Habit::Good, Habit::Good, Habit::Crashes, Habit::Lazy, Habit::Liar][chance.usize(0..5)];
    let mut world = World::new(seed, habit);
    let mut cuts = 1 + chance.u32(0..4);
    if chance.u8(0..4) == 0 {
        world.disk.fail_one_in(30);
    }
    world.ask_every = 10 * 60_000;
    restart(&mut world, &mut chance, &mut cuts);
    let well_at = 60_000 * chance.u64(10..90);
    let mut highest = 0;
    while world.now < 6 * 60 * 60_000 {
        world.step();
        if world.now > well_at {
            // The disk is well again, and the power stays on: from here on it has to come to an end.
            cuts = 0;
            world.disk.cut_at(None);
            world.disk.fail_one_in(0);
            if is_over(&world) {
                break;
            }
        }
        if world.stored.iter().any(|status| status.state == UpdateState::Confirmed) {
            highest = 2;
        }
        if world.disk.is_off() {
            restart(&mut world, &mut chance, &mut cuts);
            assert!(world.engine().highest_seq() >= highest, "seed {seed}: it was led back");
        }
    }
    assert!(world.engine().journal().active().is_none(), "seed {seed}: it never ended");
    world.check_pointer();
    assert!(world.engine().journal().reports.is_empty(), "seed {seed}: the server did not hear how it ended");
    if habit == Habit::Good {
        // A trial that was begun again and again may have been given up; it is not held against the build for ever.
        let is_done = world.runs() == 2 || world.states().contains(&UpdateState::RolledBack);
        assert!(is_done, "seed {seed}: runs {} after {:?}", world.runs(), world.states());
    } else {
        assert_eq!(world.runs(), 1, "seed {seed}: {habit:?} {:?}", world.states());
    }
}

/// Nothing is under way, nothing is left to say, and what is offered has been tried.
fn is_over(world: &World) -> bool {
    let Some(engine) = &world.engine else { return false };
    let is_tried =
        world.states().iter().any(|state| matches!(state, UpdateState::Confirmed | UpdateState::RolledBack));
    is_tried && engine.journal().active().is_none() && engine.journal().reports.is_empty() && world.runs() > 0
}

#[test]
fn whatever_goes_wrong_a_whole_program_runs() {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    std::thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || (first..seeds()).step_by(threads as usize).for_each(one));
        }
    });
}

/// Each state file, each kind of damage, after each kind of update: something whole runs, and it is never led back.
#[test]
fn damaged_state_is_no_reason_not_to_start() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [Damage; 5] = [
        |bytes| bytes.clear(),
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.fill(0),
        |bytes| {
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 0x10;
            }
        },
        |bytes| bytes.extend_from_slice(b"more"),
    ];
    for (habit, minutes) in [(Habit::Good, 40), (Habit::Good, 5), (Habit::Crashes, 5)] {
        let fresh = || {
            let mut world = World::new(3, habit);
            world.begin();
            world.run_for(minutes);
            world
        };
        let state = fresh().home.state();
        let files: Vec<_> =
            fresh().disk.paths().into_iter().filter(|path| path.starts_with(&state)).collect();
        assert!(files.len() >= 6, "{files:?}");
        for file in &files {
            for damage in damages {
                let world = fresh();
                let mut bytes = world.disk.bytes(file).unwrap();
                damage(&mut bytes);
                world.disk.lay(file, &bytes);
                try_again(world, habit, minutes);
            }
            let world = fresh();
            world.disk.lose(file);
            try_again(world, habit, minutes);
        }
        // All of it at once.
        let mut world = fresh();
        files.iter().for_each(|file| world.disk.lose(file));
        world.begin();
        world.run_for(60);
        assert!(world.engine().highest_seq() >= world.runs());
        assert_eq!(world.runs(), if habit == Habit::Good { 2 } else { 1 }, "{habit:?} after {minutes} min");
    }
}

/// One copy less changes nothing.
fn try_again(mut world: World, habit: Habit, minutes: u64) {
    let before = (world.runs(), world.engine().highest_seq());
    world.begin();
    world.run_for(1);
    assert_eq!((world.runs(), world.engine().highest_seq()), before, "{habit:?} after {minutes} min");
    world.run_for(60);
    assert_eq!(world.runs(), if habit == Habit::Good { 2 } else { 1 });
}

#[test]
fn a_damaged_slot_is_not_started() {
    let mut world = World::new(3, Habit::Good);
    world.begin();
    world.run_for(40);
    let build = world.engine().pointer().current.slot().cloned().unwrap();
    let program = world.home.program(&build);
    let mut bytes = world.disk.bytes(&program).unwrap();
    bytes[2_000] ^= 1;
    world.disk.lay(&program, &bytes);
    // While it is not looked at nothing happens; before the next start all of it is read.
    world.ended(crate::backoff::Ending::Signal(9));
    world.run_for(1);
    assert_eq!(world.runs(), 1, "the one that was kept");
}
