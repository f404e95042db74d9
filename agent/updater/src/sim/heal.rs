//! Programs that do not come up any more, long after their trial: another one stands in, until a release mends it.

use super::{Habit, World, program, release};
use crate::record::pointer::Place;
use entity::release::Reason;

/// A machine on which release 2 is confirmed, the installed program is kept, and nobody knows any more how that came about,
/// so that nothing can be taken back as an update.
fn settled() -> World {
    let mut world = World::new(1, Habit::Good);
    world.begin();
    world.run_for(40);
    assert_eq!(world.runs(), 2);
    for copy in ["journal.a", "journal.b"] {
        world.disk.lose(&world.home.state().join(copy));
    }
    world.launched.clear();
    world
}

impl World {
    /// From now on the server would have devices run this one.
    pub(super) fn bring(&mut self, seq: u64) {
        self.known.push(std::mem::take(&mut self.release.bytes));
        self.release = release(seq, Habit::Good);
        self.manifest = self.keys.manifest(&self.release, |_| ());
    }

    /// Goes on until this one runs.
    fn run_until(&mut self, seq: u64, minutes: u64) {
        let until = self.now + minutes * 60_000;
        while self.runs() != seq {
            assert!(self.now < until, "{seq} does not run: {:?}", self.launched.iter().rev().take(9));
            self.step();
        }
    }

    /// How often another program was started than the time before.
    fn changes(&self) -> usize {
        self.launched.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }
}

#[test]
fn a_program_that_no_longer_comes_up_gives_way_and_a_fixed_release_mends_the_machine() {
    let mut world = settled();
    world.bring(3);
    world.ailing = vec![2];
    world.begin();
    world.run_for(9);
    assert!(world.launched.iter().all(|seq| *seq == 2), "not before it was tried long enough");
    // What was kept stands in.
    world.run_until(1, 3);
    assert_eq!(world.engine().highest_seq(), 2, "nothing opens the way back");
    world.run_for(40);
    assert_eq!((world.runs(), world.engine().highest_seq()), (3, 3));
    assert_eq!(world.failed, [Reason::Crashed], "it is said once");
    assert!(world.engine().heal().stalled.is_empty(), "and forgotten with the release that mends it");
    assert_eq!(world.engine().pointer().kept, Some(Place::Installed));
}

#[test]
fn an_upgraded_package_that_does_not_come_up_gives_way_to_what_ran_before_it() {
    let mut world = settled();
    let broken = program(3, Habit::Crashes);
    world.disk.lay(&world.installed, &broken);
    world.bring(4);
    world.known.push(broken);
    world.begin();
    world.run_until(2, 12);
    assert_eq!(world.launched.first(), Some(&3));
    assert_eq!(world.engine().highest_seq(), 3, "the package's is not forgotten");
    // Also for the next supervisor the upgraded package does not come first.
    world.begin();
    world.run_until(2, 1);
    world.run_for(40);
    assert_eq!((world.runs(), world.changes()), (4, 2));
    assert_eq!(world.failed, [Reason::Crashed]);
}

#[test]
fn what_is_counted_outlives_the_supervisor() {
    let mut world = settled();
    world.ailing = vec![2];
    // The service manager starts it anew every two minutes, and no agent ever comes up.
    for _ in 0..4 {
        world.begin();
        world.run_for(2);
        assert!(world.launched.iter().all(|seq| *seq == 2));
    }
    for _ in 0..2 {
        world.begin();
        world.run_for(2);
    }
    assert_eq!(world.runs(), 1);
    world.begin();
    world.run_for(1);
    assert_eq!((world.runs(), world.changes()), (1, 1));
}

#[test]
fn nothing_below_what_is_secure_and_nothing_that_was_revoked_stands_in() {
    for is_revoked in [false, true] {
        let mut world = settled();
        let first = entity::release::Sha256Hex::of(&program(1, Habit::Good));
        world.manifest = world.keys.manifest(&world.release, |manifest| {
            if is_revoked {
                manifest.revoked.push(first);
            } else {
                manifest.min_secure = 2;
            }
        });
        world.begin();
        world.run_for(5);
        world.ailing = vec![2];
        world.ended(crate::backoff::Ending::Signal(9));
        world.run_for(180);
        assert!(world.launched.iter().all(|seq| *seq == 2), "revoked {is_revoked}");
        assert!(world.launched.len() > 100, "it is tried on and on");
        world.ailing.clear();
        world.run_for(1);
        assert_eq!(world.runs(), 2);
    }
}

#[test]
fn when_nothing_comes_up_they_take_turns_ever_more_seldom() {
    let mut world = settled();
    world.ailing = vec![1, 2];
    world.begin();
    world.run_for(24 * 60);
    let changes = world.changes();
    assert!((5..=8).contains(&changes), "{changes} changes in a day");
    assert!(world.launched.len() > 1_000, "and there is always one that is tried");
    // Whatever it was is over.
    world.ailing.clear();
    world.run_for(5);
    assert!(world.runs() > 0);
    assert_eq!((world.engine().heal().rounds, world.changes()), (0, changes));
}

#[test]
fn what_gave_way_is_tried_again_with_a_start_after_a_day() {
    let mut world = settled();
    world.ask_every = 30 * 60_000;
    world.ailing = vec![2];
    world.begin();
    world.run_for(15);
    assert_eq!(world.runs(), 1);
    // It was the machine's fault, and that is over.
    world.ailing.clear();
    world.begin();
    world.run_for(23 * 60);
    assert_eq!(world.runs(), 1, "not before a day is over");
    world.begin();
    world.run_for(1);
    assert_eq!(world.runs(), 1);
    world.run_for(120);
    assert_eq!(world.runs(), 1, "and what runs is not ended for it");
    world.begin();
    world.run_for(5);
    assert_eq!(world.runs(), 2);
    assert!(world.engine().heal().stalled.is_empty());
}

#[test]
fn an_agent_that_never_says_what_it_is_is_ended_and_counted() {
    let mut world = settled();
    let mute = program(3, Habit::Mute);
    world.disk.lay(&world.installed, &mute);
    world.bring(4);
    world.known.push(mute);
    world.begin();
    world.run_for(9);
    assert_eq!(world.launched, [3], "it may only be slow");
    world.run_for(60);
    assert!(world.launched.starts_with(&[3, 3, 3, 3, 3, 2]), "{:?}", world.launched);
    world.run_for(40);
    assert_eq!(world.runs(), 4);
}
