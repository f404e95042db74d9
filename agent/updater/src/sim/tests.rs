//! Updates in a simulated world: good ones, bad ones, and a network that comes and goes.

use super::{Habit, World, release};
use crate::{machine::Stage, record::pointer::Place};
use entity::{
    release::{Reason, Sha256Hex},
    update::UpdateState,
};

#[test]
fn a_good_update_is_confirmed_and_the_one_before_is_kept() {
    let mut world = World::new(1, Habit::Good);
    world.begin();
    world.run_for(40);
    use UpdateState::{Accepted, Confirmed, Downloading, Staged, Switched};
    assert_eq!(world.states(), [Accepted, Downloading, Staged, Switched, Confirmed]);
    assert_eq!(world.runs(), 2);
    assert!(world.stored.last().is_some_and(|status| status.gap_ms.is_some() && status.running.seq == 2));
    assert_eq!(world.engine().highest_seq(), 2);
    assert_eq!(world.engine().pointer().kept, Some(Place::Installed));
    assert!(world.engine().journal().reports.is_empty());
    let writes = world.engine().journal().update.as_ref().map(|update| update.writes);
    assert!(writes.is_some_and(|writes| writes <= 8), "{writes:?}");
    assert!(world.failed.is_empty(), "{:?}", world.failed);
    // And after a restart it is still there, with nothing to do.
    world.begin();
    world.run_for(10);
    assert_eq!((world.runs(), world.fetched), (2, 1));
}

#[test]
fn every_bad_build_is_taken_back_and_denied() {
    for (habit, reason, minutes) in [
        (Habit::Crashes, Reason::Crashed, 5),
        (Habit::Hangs, Reason::Hung, 10),
        (Habit::Mute, Reason::HelloMissing, 5),
        (Habit::Deaf, Reason::CannotReachServer, 10),
        (Habit::Liar, Reason::HelloMismatch, 5),
        (Habit::Lazy, Reason::CollectsNothing, 35),
    ] {
        let mut world = World::new(1, habit);
        world.begin();
        world.run_for(minutes);
        let back = world.stored.iter().find(|status| status.state == UpdateState::RolledBack).cloned();
        let back = back.unwrap_or_else(|| panic!("{habit:?}: {:?}", world.states()));
        assert_eq!((back.reason, back.running.seq), (Some(reason), 1), "{habit:?}");
        assert_eq!(world.runs(), 1, "{habit:?}");
        // For a day nobody fetches it again.
        world.run_for(23 * 60);
        assert_eq!((world.runs(), world.fetched), (1, 1), "{habit:?}");
        assert!(
            world.stored.iter().any(|status| status.reason == Some(Reason::Denied)),
            "the server hears why"
        );
        world.run_for(24 * 60);
        assert!(world.fetched <= 3, "{habit:?}: {} fetched", world.fetched);
        assert_eq!(world.engine().highest_seq(), 1);
        assert!(
            world.disk.paths().iter().all(|path| !path.starts_with(world.home.staging())),
            "nothing is left over"
        );
    }
}

#[test]
fn what_fails_its_own_check_is_never_switched_to() {
    let mut world = World::new(1, Habit::Unsound);
    world.begin();
    let mut lowest = u64::MAX;
    for _ in 0..1_000 {
        world.step();
        lowest = lowest.min(world.runs());
    }
    assert_eq!(lowest, 1, "the agent never ended");
    let failed = world.stored.iter().filter(|status| status.reason == Some(Reason::ProbeFailed)).count();
    assert_eq!((failed, world.fetched), (3, 3), "three tries and no more");
    assert!(!world.states().contains(&UpdateState::Switched));
}

#[test]
fn a_late_crash_brings_the_kept_build_back() {
    let mut world = World::new(1, Habit::CrashesLater);
    // It passes a trial of ten minutes, and crashes after not quite twelve, every time.
    world.terms.crash_window_ms = 60 * 60_000;
    world.begin();
    world.run_for(60);
    let states = world.states();
    assert!(states.contains(&UpdateState::Confirmed), "{states:?}");
    let last =
        world.stored.iter().rfind(|status| status.state == UpdateState::RolledBack).expect("taken back");
    assert_eq!(last.reason, Some(Reason::Crashed));
    assert_eq!(world.runs(), 1);
    assert_eq!(world.engine().highest_seq(), 2, "what was once confirmed is not forgotten");
    assert_eq!(world.stage(), Some(Stage::RolledBack));
}

#[test]
fn a_network_that_is_down_is_nobodys_fault() {
    for (busy, minutes) in [(false, 30), (false, 360), (true, 20)] {
        let mut world = World::new(1, Habit::Good);
        world.begin();
        while world.runs() != 2 {
            world.step();
        }
        (world.is_away, world.is_busy) = (!busy, busy);
        world.run_for(minutes);
        assert_eq!((world.runs(), world.stage()), (2, Some(Stage::Trial)), "busy {busy}, {minutes} min");
        (world.is_away, world.is_busy) = (false, false);
        world.run_for(60);
        assert_eq!(world.states().last(), Some(&UpdateState::Confirmed), "busy {busy}, {minutes} min");
    }
}

#[test]
fn sleep_does_not_count() {
    let mut world = World::new(1, Habit::Good);
    world.begin();
    while world.runs() != 2 {
        world.step();
    }
    for _ in 0..20 {
        world.run_for(1);
        world.now += 3 * 60 * 60_000;
    }
    assert!(!world.states().contains(&UpdateState::RolledBack));
    world.run_for(30);
    assert_eq!(world.states().last(), Some(&UpdateState::Confirmed));
}

#[test]
fn updates_that_freeze_are_noticed_once() {
    let mut world = World::new(1, Habit::Good);
    world.release = release(1, Habit::Good);
    world.manifest = world.keys.manifest(&world.release, |_| ());
    world.begin();
    world.run_for(60);
    assert!(world.failed.is_empty(), "{:?}", world.failed);
    world.is_away = true;
    world.run_for(4 * 24 * 60);
    assert_eq!(world.failed, [Reason::TimestampExpired]);
    assert_eq!(world.runs(), 1, "the agent works on");
}

/// A build that collects nothing has half an hour; the supervisor is started anew in the middle of it, or the machine.
fn overdue_after(boot_id: Option<&str>, minutes: u64) -> (bool, u32) {
    let mut world = World::new(1, Habit::Lazy);
    world.boot_id = Some("one".to_owned());
    world.begin();
    while world.runs() != 2 {
        world.step();
    }
    world.run_for(15);
    assert_eq!(world.stage(), Some(Stage::Trial));
    world.boot_id = boot_id.map(str::to_owned);
    world.begin();
    world.run_for(minutes);
    let attempts = world.engine().journal().update.as_ref().map_or(0, |update| update.attempts);
    (world.states().contains(&UpdateState::RolledBack), attempts)
}

#[test]
fn a_trial_goes_on_under_the_next_supervisor_and_begins_anew_after_a_restart_of_the_machine() {
    // What was not written down yet is given once more: a thirtieth of the time.
    assert_eq!(overdue_after(Some("one"), 13), (false, 1));
    assert_eq!(overdue_after(Some("one"), 18), (true, 1));
    for other in [Some("two"), None] {
        assert_eq!(overdue_after(other, 25), (false, 2), "{other:?}");
        assert_eq!(overdue_after(other, 33), (true, 2), "{other:?}");
    }
}

#[test]
fn a_good_build_passes_its_trial_though_the_supervisor_was_started_anew() {
    let mut world = World::new(1, Habit::Good);
    world.boot_id = Some("one".to_owned());
    world.begin();
    while world.runs() != 2 {
        world.step();
    }
    for _ in 0..2 {
        world.run_for(6);
        world.begin();
    }
    assert_eq!(world.stage(), Some(Stage::Trial), "ten minutes of one process are asked for");
    world.run_for(12);
    assert_eq!(world.states().last(), Some(&UpdateState::Confirmed));
    let update = world.engine().journal().update.clone().unwrap();
    assert_eq!(update.attempts, 1);
    assert!(update.writes <= 10, "{} writes of the journal by steps", update.writes);
}

#[test]
fn a_revoked_build_is_not_gone_back_to() {
    let mut world = World::new(1, Habit::Good);
    world.begin();
    world.run_for(40);
    assert_eq!(world.runs(), 2);
    let sha256 = Sha256Hex::of(&world.release.bytes);
    let next = release(3, Habit::Good);
    world.manifest = world.keys.manifest(&next, |manifest| manifest.revoked.push(sha256));
    world.run_for(10);
    assert_eq!(world.runs(), 2, "what runs is not ended for that");
    world.begin();
    world.run_for(1);
    assert_eq!(world.runs(), 1, "but not started again when there is something else");
}
