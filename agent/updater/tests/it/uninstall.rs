//! An uninstallation in the middle of an update, over real processes: nothing runs and nothing is pending afterwards, and an
//! installation over what is left begins anew.

use crate::support::{Bench, build};
use std::{
    fs::{self, File},
    io, thread,
    time::Duration,
};
use updater::{slot::Home, uninstall};

const LONG: Duration = Duration::from_secs(60);

/// As `reeve-agent uninstall` does it, once the service manager was told to end the supervisor.
fn uninstalled(bench: &Bench) -> File {
    let home = Home::under(bench.data());
    let held = uninstall::hold(&home, LONG).unwrap().expect("a supervisor was there");
    for folder in uninstall::folders(&home) {
        let _ = fs::remove_dir_all(folder);
    }
    for file in uninstall::files(&home) {
        let _ = fs::remove_file(file);
    }
    held
}

/// Uninstalls when it is time, by way of the service manager or with a supervisor that was killed, and installs anew.
fn over(when: &str, is_time: impl Fn(&Bench) -> bool, is_killed: bool) {
    let mut bench = Bench::new();
    bench.start();
    bench.wait_for("the start", LONG, |bench| bench.runs() == "1");
    bench.offer(2, &build(2, "good"), "");
    bench.wait_for(when, LONG, is_time);
    let home = Home::under(bench.data());
    let busy = uninstall::hold(&home, Duration::from_millis(50)).unwrap_err();
    assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy, "{when}: it runs");
    if is_killed {
        bench.kill();
    } else {
        assert!(bench.stop().success(), "{when}");
    }
    let held = uninstalled(&bench);
    // An agent whose supervisor was killed hears the end of its channel.
    thread::sleep(Duration::from_millis(500));
    let before = bench.lines("starts").len();
    let refused = bench.command().status().unwrap();
    assert_eq!(refused.code(), Some(i32::from(updater::exit::ALREADY_RUNNING)), "{when}");
    assert_eq!(bench.lines("starts").len(), before, "{when}: something starts the agent again");
    assert!(uninstall::files(&home).iter().all(|file| !file.exists()), "{when}");
    bench.withdraw();
    drop(held);

    bench.start();
    bench.wait_for("the new start", LONG, |bench| bench.lines("starts").len() > before);
    assert_eq!(bench.runs(), "1", "{when}: {}", bench.log());
    bench.offer(3, &build(3, "good"), "");
    bench.wait_for("the next release", LONG, |bench| bench.status()["trust"]["highest_seq"] == 3);
    assert_eq!(bench.runs(), "3", "{when}: {}", bench.log());
    assert!(bench.stop().success());
}

#[test]
fn an_uninstallation_in_the_middle_of_an_update_leaves_nothing_that_runs() {
    thread::scope(|scope| {
        for is_killed in [false, true] {
            scope.spawn(move || over("an offer", |bench| !bench.lines("offers").is_empty(), is_killed));
            scope.spawn(move || over("staged", |bench| bench.has_status("staged"), is_killed));
            scope.spawn(move || over("the trial", |bench| bench.has_status("switched"), is_killed));
            scope.spawn(move || over("the end", |bench| bench.has_status("confirmed"), is_killed));
        }
    });
}
