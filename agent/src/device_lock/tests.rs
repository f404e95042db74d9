//! The lock on a real file: written and read, and every way in which it cannot be trusted.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use super::*;
use clap::Parser as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(subcommand)]
    verb: LockVerb,
}

fn place() -> (tempfile::TempDir, Paths) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let paths = Paths::under(folder.path());
    (folder, paths)
}

fn lock(paths: &Paths, line: &str) -> Result<String, crate::failure::Failure> {
    let verb = Line::try_parse_from(format!("lock {line}").split(' ')).unwrap().verb;
    carry_out(paths, &LockInput { verb })
}

fn nginx(paths: &Paths) -> Decision {
    decide(paths, StrongKind::RestartService, "nginx.service")
}

const LOCKED: Decision = Decision::Refused(RefusalCode::LockedLocal);
const NOT_ALLOWED: Decision = Decision::Refused(RefusalCode::NotAllowed);

#[test]
fn arming_opens_it_for_what_is_allowed_and_disarming_closes_it() {
    let (_folder, paths) = place();
    assert_eq!(nginx(&paths), LOCKED, "no file");
    assert!(lock(&paths, "show").unwrap().starts_with("Locked"));
    let said = lock(&paths, "arm --for 2h --allow restart_service:nginx").unwrap();
    assert!(said.starts_with("Armed until") && said.contains("restart_service:nginx"), "{said}");
    assert_eq!(nginx(&paths), Decision::Open);
    assert_eq!(decide(&paths, StrongKind::RestartService, "cron.service"), NOT_ALLOWED);
    let mode = fs::metadata(path(&paths)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    lock(&paths, "deny restart_service:nginx").unwrap();
    assert_eq!(nginx(&paths), NOT_ALLOWED);
    lock(&paths, "allow restart_service:ng*").unwrap();
    assert_eq!(nginx(&paths), Decision::Open);
    lock(&paths, "disarm").unwrap();
    assert_eq!(nginx(&paths), LOCKED);
    assert_eq!(load(&paths).lock.allow.len(), 1, "what is allowed always stays written");
    lock(&paths, "arm --for 60s").unwrap();
    assert_eq!(nginx(&paths), Decision::Open, "and holds when it is armed again");
    assert!(lock(&paths, "deny reboot").unwrap_err().message.contains("not allowed anyway"));
    let json: serde_json::Value = serde_json::from_str(&lock(&paths, "show --json").unwrap()).unwrap();
    assert_eq!(json["armed"], true);
    assert_eq!(json["allow"][0], "restart_service:ng*");
}

#[test]
fn what_others_could_have_written_is_locked() {
    let (folder, paths) = place();
    lock(&paths, "arm --for 2h --allow restart_service:*").unwrap();
    let file = path(&paths);
    for mode in [0o602, 0o620, 0o666, 0o777] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(nginx(&paths), LOCKED, "{mode:o}");
        assert!(load(&paths).trouble.unwrap().contains("changed by others"), "{mode:o}");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(nginx(&paths), Decision::Open);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(nginx(&paths), LOCKED, "in a folder that others can write");
    assert!(lock(&paths, "arm --for 2h").is_err());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let elsewhere = folder.path().join("elsewhere.toml");
    fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    assert_eq!(nginx(&paths), LOCKED, "behind a link");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(nginx(&paths), LOCKED, "a folder");
}

#[test]
fn repairing_the_data_directory_closes_a_lock_that_others_could_have_opened() {
    let (_folder, paths) = place();
    lock(&paths, "arm --for 2h --allow restart_service:*").unwrap();
    fs::set_permissions(path(&paths), fs::Permissions::from_mode(0o666)).unwrap();
    let findings = protect::check(&paths);
    assert!(protect::repair(&findings).iter().all(|(_, outcome)| outcome.is_ok()));
    assert_eq!((nginx(&paths), load(&paths)), (LOCKED, Found::default()));
}

#[test]
fn broken_and_hostile_content_is_locked_and_arming_takes_nothing_of_it_over() {
    let good = file::render(&DeviceLock {
        apply_enabled: true,
        allow: vec!["restart_service:*".parse().unwrap()],
        armed: Some(entity::device_lock::Armed {
            at: Utc::now(),
            for_seconds: 3_600,
            boot_id: machine::boot_id(),
            uptime_seconds: sysinfo::System::uptime().unwrap(),
            allow: Vec::new(),
        }),
    });
    let hostile = [
        "\u{feff}{}".to_owned(),
        "apply_enabled = \"yes\"".to_owned(),
        good.replace("[armed]", "server_may_write = true\n[armed]"),
        good.replace("for_seconds = 3600", "for_seconds = 99999999999"),
        good.replace("for_seconds = 3600", "for_seconds = -1"),
        good.replace("for_seconds = 3600", ""),
        good.replace("restart_service:*", "do_anything:*"),
        good.replace("restart_service:*", "run_script:*"),
        good.replace("\"restart_service:*\",", &"\"restart_service:*\",".repeat(101)),
        good[..good.len() / 2].to_owned(),
        format!("{good}{good}"),
        "#".repeat(70_000),
        "[".repeat(20_000),
    ];
    let (_folder, paths) = place();
    let write = |text: &str| {
        fs::write(path(&paths), text).unwrap();
        fs::set_permissions(path(&paths), fs::Permissions::from_mode(0o600)).unwrap();
    };
    write(&good);
    assert_eq!(nginx(&paths), Decision::Open, "the test's own file is good");
    for text in &hostile {
        write(text);
        let shown: String = text.chars().take(60).collect();
        assert_eq!(nginx(&paths), LOCKED, "{shown}");
        assert!(summary(&paths).trouble.is_some(), "{shown}");
    }
    fs::write(path(&paths), [0xff, 0xfe, 0x00]).unwrap();
    assert_eq!(nginx(&paths), LOCKED, "no text");
    let said = lock(&paths, "arm --for 1h --allow reboot").unwrap();
    assert!(said.contains("could not be trusted"), "{said}");
    assert_eq!(nginx(&paths), NOT_ALLOWED);
}

#[test]
fn what_is_used_of_the_time_is_kept_and_shortens_it() {
    let (_folder, paths) = place();
    keep_spent(&paths).unwrap();
    assert_eq!(spent::load(&paths), None, "nothing is armed");
    lock(&paths, "arm --for 1h --allow restart_service:nginx").unwrap();
    keep_spent(&paths).unwrap();
    let mut kept = spent::load(&paths).unwrap();
    assert!(kept.spent_seconds < 600);
    // As if the machine had been up for most of the hour in an earlier boot, and its clock was set back.
    kept.boot_id = Some("an earlier one".to_owned());
    kept.spent_seconds = 3_599;
    fs::write(paths.folder().join("device-lock.spent.json"), serde_json::to_vec(&kept).unwrap()).unwrap();
    assert_eq!(nginx(&paths), LOCKED);
    lock(&paths, "arm --for 1h --allow restart_service:nginx").unwrap();
    assert_eq!(nginx(&paths), Decision::Open, "armed anew");
}

#[test]
fn the_stamp_changes_with_the_file_and_with_its_protection() {
    let (_folder, paths) = place();
    assert_eq!(stamp(&paths), None);
    lock(&paths, "arm --for 1h").unwrap();
    let armed = stamp(&paths).unwrap();
    assert_eq!(stamp(&paths), Some(armed));
    fs::set_permissions(path(&paths), fs::Permissions::from_mode(0o666)).unwrap();
    assert_ne!(stamp(&paths), Some(armed));
}
