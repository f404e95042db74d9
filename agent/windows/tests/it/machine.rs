//! What there is to know about the machine.

use std::{path::Path, time::Duration};
use windows_api::{disk, event_log, identity, load, machine, name::Scope, service, software};

#[test]
fn the_processors_are_measured() {
    let before = load::times().unwrap();
    std::thread::sleep(Duration::from_millis(120));
    let percent = load::times().unwrap().busy_percent_since(before).unwrap();
    assert!((0.0..=100.0).contains(&percent), "{percent}");
    assert_eq!(before.busy_percent_since(before), None, "no time has passed");
}

#[test]
fn the_drives_are_measured() {
    let drives = disk::drives();
    let system = drives.iter().find(|drive| drive.root == r"C:\").expect("a system drive");
    assert!(system.room.total > 0 && system.room.free <= system.room.total);
    assert!(disk::room(Path::new(r"C:\windows")).unwrap().total > 0);
    assert!(disk::room(Path::new(r"C:\no\such\folder")).is_err());
}

#[test]
fn this_process_knows_in_whose_name_it_runs() {
    let sid = identity::sid().unwrap();
    assert!(sid.starts_with("S-1-5-"), "{sid}");
    let scope = identity::scope().unwrap();
    if identity::is_elevated().unwrap() {
        assert_eq!(scope, Scope::Machine);
    }
}

#[test]
fn the_registry_describes_the_machine() {
    let machine = machine::look();
    assert!(machine.product.is_some_and(|name| name.contains("Windows")));
    assert!(machine.build.is_some());
    assert!(software::list().is_some());
    // Whatever the firmware says, or does not.
    let _ = machine::board();
}

#[test]
fn services_are_listed_and_those_that_are_not_there_are_told() {
    let services = service::list().unwrap();
    assert!(!services.is_empty());
    let running = services.iter().find(|service| service.state == service::State::Running);
    assert!(running.is_some_and(|service| service.process.is_some()), "{services:?}");
    assert_eq!(service::state("NoSuchService").unwrap(), None);
    assert_eq!(service::command("NoSuchService").unwrap(), None);
    assert!(!service::delete("NoSuchService").unwrap());
    let missing = service::start("NoSuchService", Duration::from_secs(1)).unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_log_is_read_or_refused_but_never_made_up() {
    // Wine has no event log: it refuses, or it is empty.
    if let Ok(record) = event_log::newest("System") {
        let events =
            event_log::after("System", record.saturating_sub(5), &[1, 2, 3, 4], 3).unwrap_or_default();
        assert!(events.len() <= 3 && events.iter().all(|event| event.record > record.saturating_sub(5)));
    }
}

#[test]
fn the_text_of_a_boot_stays_until_the_next() {
    let first = machine::boot_text("first").unwrap();
    assert_eq!(machine::boot_text("second").unwrap(), first);
}

#[test]
fn the_folder_for_data_of_the_machine_is_the_systems_and_not_the_environments() {
    let told = std::env::var_os("ProgramData");
    let folder = machine::program_data().unwrap();
    assert!(
        folder.is_absolute() && folder.ends_with("ProgramData"),
        "{folder:?}, the environment says {told:?}"
    );
}
