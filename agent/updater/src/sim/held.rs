//! Files that other programs hold, in the simulated world: for a moment at any step, and for hours.

use super::{Habit, World};
use crate::{machine::Stage, patience::Waiting, record::own::OwnStage};
use entity::{
    release::{ArtifactKind, Reason, Sha256Hex},
    update::UpdateState,
};
use std::{cell::Cell, path::PathBuf, time::Duration};

/// A time that passes only while files are waited for.
#[derive(Debug, Default)]
pub struct SimTime(Cell<Duration>);

impl Waiting for SimTime {
    fn now(&self) -> Duration {
        self.0.get()
    }

    fn wait(&self, longest: Duration) {
        self.0.set(self.0.get() + longest);
    }
}

#[test]
fn files_that_others_hold_for_a_moment_change_nothing_of_an_update() {
    let mut waited = Duration::ZERO;
    for seed in 0..20 {
        for (habit, runs, last) in
            [(Habit::Good, 2, UpdateState::Confirmed), (Habit::Crashes, 1, UpdateState::RolledBack)]
        {
            let mut world = World::new(seed, habit);
            world.disk.hold_one_in(8);
            world.begin();
            world.run_for(60);
            let states = world.states();
            assert_eq!(world.runs(), runs, "seed {seed}, {habit:?}: {states:?}");
            assert!(states.contains(&last), "seed {seed}, {habit:?}: {states:?}");
            let is_blamed = |reason: &Reason| matches!(reason, Reason::FsFault | Reason::SlotDamaged);
            assert!(!world.failed.iter().any(is_blamed), "seed {seed}, {habit:?}: {:?}", world.failed);
            waited += world.engine().fs().waited();
            world.check_pointer();
        }
    }
    assert!(!waited.is_zero(), "nothing was ever held");
}

/// The files that an update touches.
fn touched(world: &mut World) -> Vec<PathBuf> {
    world.begin();
    world.run_for(40);
    let mut files: Vec<_> =
        world.disk.paths().into_iter().filter(|path| path.starts_with(world.home.updates())).collect();
    let neighbours: Vec<_> = files
        .iter()
        .filter(|path| path.starts_with(world.home.state()))
        .filter_map(|path| Some(path.with_file_name(format!("{}.new", path.file_name()?.to_str()?))))
        .collect();
    files.extend(neighbours);
    files.push(world.home.part(&Sha256Hex::of(&world.release.bytes)));
    files
}

#[test]
fn a_file_that_is_held_for_hours_leaves_a_whole_program_and_an_update_that_ends() {
    let files = touched(&mut World::new(1, Habit::Good));
    assert!(files.len() >= 14, "{files:?}");
    for file in files {
        for (habit, runs, last) in
            [(Habit::Good, 2, UpdateState::Confirmed), (Habit::Crashes, 1, UpdateState::RolledBack)]
        {
            let mut world = World::new(1, habit);
            world.ask_every = 10 * 60_000;
            world.disk.hold(&file, u32::MAX);
            world.begin();
            for _ in 0..2 * 60 {
                world.run_for(1);
                world.check_pointer();
            }
            // Whatever came of the update, an agent runs, or is just being started.
            world.step();
            assert!(world.runs() > 0, "{}: {:?}", file.display(), world.states());
            world.disk.hold(&file, 1);
            // What failed for no fault of its own is offered again, at the latest when it is denied no longer.
            let is_over = |world: &World| {
                world.runs() == runs
                    && world.states().contains(&last)
                    && world.stage().is_some_and(Stage::is_terminal)
            };
            for _ in 0..3 * 24 {
                if is_over(&world) {
                    break;
                }
                world.run_for(60);
            }
            world.check_pointer();
            assert!(is_over(&world), "{} {habit:?}: {:?}", file.display(), world.states());
        }
    }
}

#[test]
fn a_supervisor_that_somebody_holds_is_replaced_when_it_is_let_go() {
    for end in ["reeve-updater", "reeve-updater.new", "reeve-updater.old"] {
        let mut world = World::new(1, Habit::Good);
        let mut bytes = super::program(2, Habit::Good);
        // Not the same file as the agent's.
        bytes.extend(b"the supervisor");
        world.manifest = world.keys.manifest(&world.release, |manifest| {
            let mut one = manifest.artifacts[0].clone();
            one.kind = ArtifactKind::Supervisor;
            one.size_bytes = bytes.len() as u64;
            one.sha256 = Sha256Hex::of(&bytes);
            manifest.artifacts.push(one);
        });
        world.next_supervisor.clone_from(&bytes);
        let held = world.supervisor.with_file_name(end);
        world.disk.hold(&held, u32::MAX);
        world.begin();
        for _ in 0..2 * 60 {
            world.run_for(1);
            let there = world.disk.bytes(&world.supervisor).expect("there is always a supervisor");
            assert!(there == bytes || there == super::program(1, Habit::Good), "{end}: half a supervisor");
        }
        assert_eq!(world.runs(), 2, "{end}: the agent is not kept waiting");
        world.disk.hold(&held, 1);
        // The next start of the supervisor tries again.
        world.begin();
        world.run_for(2 * 60);
        assert_eq!(world.disk.bytes(&world.supervisor).as_ref(), Some(&bytes), "{end}");
        let stage = world.engine().own_update().map(|own| own.stage);
        assert_eq!(stage, Some(OwnStage::Confirmed), "{end}");
    }
}
