//! An uninstallation, and an installation over it, in the middle of an update: at any step at which the disk is changed.

use super::{Habit, World, program};
use crate::{status, uninstall};

/// An update that was cut off by whoever came to uninstall.
fn cut_off(cut: u64) -> World {
    let mut world = World::new(cut, Habit::Good);
    world.disk.cut_at(Some(cut));
    world.begin();
    world.run_for(30);
    world.disk.power_on();
    world.engine = None;
    world.process = None;
    world
}

impl World {
    fn highest_on_disk(&self) -> u64 {
        status::read(&self.disk, &self.home).trust.highest_seq
    }

    /// As `reeve-agent uninstall` does it.
    fn uninstall(&self) {
        let folders = uninstall::folders(&self.home);
        let inside = |path: &std::path::PathBuf| folders.iter().any(|folder| path.starts_with(folder));
        let mut paths: Vec<_> = self.disk.paths().into_iter().filter(inside).collect();
        paths.extend(uninstall::files(&self.home));
        paths.iter().for_each(|path| self.disk.lose(path));
    }
}

#[test]
fn after_an_uninstallation_at_any_step_the_installed_program_begins_anew() {
    for cut in 1..=120 {
        let mut world = cut_off(cut);
        let highest = world.highest_on_disk();
        world.uninstall();
        world.bring(3);
        world.launched.clear();
        world.begin();
        assert!(world.engine().highest_seq() >= highest, "cut {cut}: it opened the way back");
        world.run_for(60);
        assert_eq!(world.launched, [1, 3], "cut {cut}: nothing of what was pending runs");
        assert!(world.engine().journal().active().is_none(), "cut {cut}");
        assert_eq!(world.engine().highest_seq(), 3, "cut {cut}");
    }
}

#[test]
fn a_newer_package_over_an_update_at_any_step_is_what_runs() {
    for cut in 1..=120 {
        let mut world = cut_off(cut);
        let newer = program(3, Habit::Good);
        world.disk.lay(&world.installed, &newer);
        world.known.push(newer);
        world.launched.clear();
        world.begin();
        world.run_for(60);
        assert_eq!(world.launched, [3], "cut {cut}");
        assert!(world.engine().journal().active().is_none(), "cut {cut}");
        let home = &world.home;
        let is_left = world.disk.paths().iter().any(|path| path.starts_with(home.staging()));
        assert!(!is_left, "cut {cut}: {:?}", world.disk.paths());
    }
}
