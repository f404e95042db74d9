//! The supervisor's own update in the simulated world.

use super::{Habit, World, program};
use crate::{
    fs::Fs as _,
    machine::Stage,
    record::own::OwnStage,
    restore::{Restored, restore},
};
use entity::release::{ArtifactKind, Reason, Sha256Hex};

/// A world whose release brings another supervisor.
fn world(seed: u64, habit: Habit) -> World {
    let mut world = World::new(seed, Habit::Good);
    let mut bytes = program(2, habit);
    // Not the same file as the agent's.
    bytes.extend(b"the supervisor");
    world.manifest = world.keys.manifest(&world.release, |manifest| {
        let mut one = manifest.artifacts[0].clone();
        one.kind = ArtifactKind::Supervisor;
        one.size_bytes = bytes.len() as u64;
        one.sha256 = Sha256Hex::of(&bytes);
        manifest.artifacts.push(one);
    });
    world.next_supervisor = bytes;
    world
}

impl World {
    /// Which one would be started now; 0 when there is none.
    fn supervisor_seq(&self) -> u64 {
        let stamp = self.disk.inspect(&self.supervisor).ok().and_then(|file| file.stamp);
        stamp.map_or(0, |stamp| stamp.seq)
    }

    fn own_stage(&mut self) -> Option<OwnStage> {
        self.engine().own_update().map(|own| own.stage)
    }

    /// What the service manager does before each start: the one before looks, where there is one.
    fn watch(&self) -> Option<Restored> {
        let old = self.supervisor.with_file_name("reeve-updater.old");
        self.disk.bytes(&old)?;
        restore(&self.disk, &self.home, &self.supervisor).ok()
    }

    /// The service is started, with a new supervisor that dies before it does anything.
    fn boot_to_death(&mut self) -> Option<Restored> {
        self.engine = None;
        self.process = None;
        self.is_leaving = false;
        self.watch()
    }

    fn is_tidy(&self) -> bool {
        let folder = self.supervisor.parent();
        self.disk.paths().iter().filter(|path| path.parent() == folder).count() == 2
    }
}

#[test]
fn the_supervisor_follows_the_release_that_was_confirmed() {
    let mut world = world(1, Habit::Good);
    world.begin();
    while world.stage() != Some(Stage::Confirmed) {
        assert_eq!(world.supervisor_seq(), 1, "not before its agent is confirmed");
        world.step();
    }
    world.run_for(30);
    assert_eq!((world.supervisor_seq(), world.runs(), world.fetched), (2, 2, 2));
    assert_eq!(world.own_stage(), Some(OwnStage::Confirmed));
    assert!(world.is_tidy(), "{:?}", world.disk.paths());
    assert!(world.failed.is_empty(), "{:?}", world.failed);
    // And that was that.
    world.begin();
    world.run_for(30);
    assert_eq!((world.supervisor_seq(), world.fetched), (2, 2));
}

#[test]
fn a_supervisor_that_does_not_stay_up_puts_the_one_before_back() {
    let mut world = world(1, Habit::Good);
    world.begin();
    while world.supervisor_seq() != 2 {
        world.step();
    }
    for start in 1..=3 {
        world.begin();
        assert_eq!(world.supervisor_seq(), 2, "start {start}");
    }
    world.begin();
    assert_eq!(world.supervisor_seq(), 1);
    world.run_for(60);
    assert_eq!((world.supervisor_seq(), world.runs(), world.fetched), (1, 2, 2));
    assert_eq!(world.own_stage(), Some(OwnStage::Restored));
    assert_eq!(world.failed, [Reason::Crashed]);
    assert!(world.is_tidy(), "{:?}", world.disk.paths());
}

#[test]
fn a_supervisor_that_dies_before_it_counts_is_taken_back_by_the_one_before() {
    let mut world = world(1, Habit::Good);
    world.begin();
    while world.supervisor_seq() != 2 {
        world.step();
    }
    for start in 1..=3 {
        assert_eq!(world.boot_to_death(), Some(Restored::Counted(start)));
        assert_eq!(world.supervisor_seq(), 2);
    }
    assert_eq!(world.boot_to_death(), Some(Restored::Back));
    assert_eq!(world.supervisor_seq(), 1);
    world.begin();
    world.run_for(60);
    assert_eq!((world.supervisor_seq(), world.runs(), world.fetched), (1, 2, 2));
    assert_eq!(world.own_stage(), Some(OwnStage::Restored));
    assert_eq!(world.failed, [Reason::Crashed]);
    assert!(world.is_tidy(), "{:?}", world.disk.paths());
}

#[test]
fn a_supervisor_that_counts_is_not_counted_twice_and_stays() {
    let mut world = world(1, Habit::Good);
    world.begin();
    while world.supervisor_seq() != 2 {
        world.step();
    }
    for start in 1..=3 {
        assert_eq!(world.watch(), Some(Restored::Counted(start)));
        world.begin();
        let own = world.engine().own_update().cloned().unwrap();
        assert_eq!((own.starts, own.watched), (start, start));
    }
    world.run_for(10);
    assert_eq!((world.supervisor_seq(), world.own_stage()), (2, Some(OwnStage::Confirmed)));
    assert_eq!(world.watch(), None, "the one before is gone");
}

#[test]
fn the_power_may_go_while_the_one_before_takes_its_place_back() {
    for cut in 1..=20 {
        let mut world = world(cut, Habit::Good);
        world.begin();
        while world.supervisor_seq() != 2 {
            world.step();
        }
        for _ in 0..3 {
            world.boot_to_death();
        }
        world.disk.cut_at(Some(world.disk.steps() + cut));
        world.boot_to_death();
        world.disk.power_on();
        let bytes = world.disk.bytes(&world.supervisor).expect("there is always a supervisor");
        let is_one = bytes == program(1, Habit::Good) || bytes == world.next_supervisor;
        assert!(is_one, "cut {cut}: half a supervisor");
        for _ in 0..2 {
            world.boot_to_death();
        }
        assert_eq!(world.supervisor_seq(), 1, "cut {cut}");
        world.begin();
        world.run_for(60);
        assert_eq!((world.supervisor_seq(), world.runs()), (1, 2), "cut {cut}");
        assert_eq!(world.own_stage(), Some(OwnStage::Restored), "cut {cut}");
    }
}

#[test]
fn a_supervisor_that_fails_its_own_check_never_has_the_place() {
    let mut world = world(1, Habit::Unsound);
    world.begin();
    world.run_for(60);
    assert_eq!((world.supervisor_seq(), world.runs(), world.fetched), (1, 2, 2));
    assert_eq!(world.own_stage(), Some(OwnStage::Failed));
    assert_eq!(world.failed, [Reason::ProbeFailed]);
    assert!(world.is_tidy(), "{:?}", world.disk.paths());
}

#[test]
fn a_supervisor_that_is_not_what_was_signed_never_has_the_place() {
    let mut world = world(1, Habit::Good);
    let last = world.next_supervisor.len() - 1;
    world.next_supervisor[last] ^= 1;
    world.begin();
    world.run_for(60);
    assert_eq!((world.supervisor_seq(), world.runs()), (1, 2));
    assert_eq!(world.failed, [Reason::HashMismatch]);
}

#[test]
fn the_power_may_go_while_the_supervisor_is_replaced() {
    for cut in 1..=60 {
        let mut world = world(cut, Habit::Good);
        world.begin();
        while world.runs() != 2 {
            world.step();
        }
        world.run_for(5);
        world.disk.cut_at(Some(world.disk.steps() + cut));
        world.run_for(20);
        world.disk.power_on();
        let bytes = world.disk.bytes(&world.supervisor).expect("there is always a supervisor");
        let is_one = bytes == program(1, Habit::Good) || bytes == world.next_supervisor;
        assert!(is_one, "cut {cut}: half a supervisor");
        world.watch();
        world.begin();
        world.run_for(90);
        assert_eq!((world.supervisor_seq(), world.runs()), (2, 2), "cut {cut}: {:?}", world.own_stage());
        assert_eq!(world.own_stage(), Some(OwnStage::Confirmed), "cut {cut}");
    }
}
