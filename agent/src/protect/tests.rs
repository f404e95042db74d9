//! The data directory in every shape that somebody else could give it.

use super::{
    Kind, Wrong, check, prepare, repair, require,
    unix::{Seen, judge},
};
use crate::paths::Paths;
use rustix::fs::FileType;
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};
use updater::exit;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A data directory with a key and a lock in it.
fn directory() -> (tempfile::TempDir, Paths) {
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths::under(folder.path().join("made/on the way"));
    prepare(&paths).unwrap();
    fs::write(paths.key(), "key").unwrap();
    set(&paths.key(), 0o600);
    (folder, paths)
}

#[test]
fn what_was_seen_is_judged_by_kind_owner_and_mode() {
    let seen = |file_type, owner, mode| Seen { file_type, owner, mode };
    let wrongs = |seen, kind| judge(seen, kind, 7).into_iter().map(|(wrong, _)| wrong).collect::<Vec<_>>();
    for (mode, folder, secret, file) in [
        (0o700, true, true, true),
        (0o600, true, true, true),
        (0o755, false, false, true),
        (0o750, false, false, true),
        (0o770, false, false, false),
        (0o711, false, false, true),
        (0o644, false, false, true),
        (0o662, false, false, false),
        (0o777, false, false, false),
        (0o1777, false, false, false),
    ] {
        let ok = |kind, file_type| wrongs(seen(file_type, 7, mode), kind).is_empty();
        assert_eq!(ok(Kind::Folder, FileType::Directory), folder, "{mode:o}");
        assert_eq!(ok(Kind::Secret, FileType::RegularFile), secret, "{mode:o}");
        assert_eq!(ok(Kind::File, FileType::RegularFile), file, "{mode:o}");
    }
    assert_eq!(wrongs(seen(FileType::Directory, 8, 0o700), Kind::Folder), [Wrong::Owner]);
    assert_eq!(wrongs(seen(FileType::Directory, 0, 0o777), Kind::Folder), [Wrong::Owner, Wrong::Open]);
    assert_eq!(wrongs(seen(FileType::Symlink, 7, 0o777), Kind::Folder), [Wrong::Link]);
    assert_eq!(wrongs(seen(FileType::RegularFile, 7, 0o700), Kind::Folder), [Wrong::OtherKind]);
    assert_eq!(wrongs(seen(FileType::Fifo, 7, 0o600), Kind::Secret), [Wrong::OtherKind]);
}

#[test]
fn it_is_made_for_its_owner_alone_and_stays_so() {
    let (_folder, paths) = directory();
    assert_eq!(mode(paths.folder()), 0o700);
    prepare(&paths).unwrap();
    assert_eq!(check(&paths), []);
    assert_eq!(check(&Paths::under("/nowhere/at/all")), []);
}

#[test]
fn one_that_is_open_is_refused_with_its_own_code_and_repaired() {
    let (_folder, paths) = directory();
    set(paths.folder(), 0o777);
    set(&paths.key(), 0o644);
    let refused = prepare(&paths).unwrap_err();
    assert_eq!(refused.code, exit::UNPROTECTED);
    for part in ["mode 0777 instead of 0700", "mode 0644 instead of 0600", "device.key", "doctor --fix"] {
        assert!(refused.message.contains(part), "{part} is missing in: {refused}");
    }
    assert_eq!(mode(paths.folder()), 0o777, "looking changes nothing");
    let findings = check(&paths);
    assert_eq!(findings.len(), 2);
    assert!(repair(&findings).iter().all(|(_, outcome)| outcome.is_ok()));
    require(&paths).unwrap();
    assert_eq!((mode(paths.folder()), mode(&paths.key())), (0o700, 0o600));
}

#[test]
fn an_empty_one_is_taken_over_and_a_full_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths::under(folder.path().join("data"));
    fs::create_dir(paths.folder()).unwrap();
    set(paths.folder(), 0o755);
    prepare(&paths).unwrap();
    assert_eq!(mode(paths.folder()), 0o700);
    set(paths.folder(), 0o755);
    fs::write(paths.folder().join("something"), "").unwrap();
    assert_eq!(prepare(&paths).unwrap_err().code, exit::UNPROTECTED);
}

#[test]
fn links_and_other_kinds_are_refused_and_left_alone() {
    let (folder, paths) = directory();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    set(&elsewhere, 0o755);
    let through = Paths::under(folder.path().join("link"));
    symlink(&elsewhere, through.folder()).unwrap();
    assert_eq!(prepare(&through).unwrap_err().code, exit::UNPROTECTED);
    assert!(repair(&check(&through)).iter().all(|(_, outcome)| outcome.is_err()));
    assert_eq!(mode(&elsewhere), 0o755);

    fs::remove_file(paths.key()).unwrap();
    symlink("/etc/passwd", paths.key()).unwrap();
    assert_eq!(check(&paths).iter().map(|finding| finding.wrong).collect::<Vec<_>>(), [Wrong::Link]);
    assert_eq!(require(&paths).unwrap_err().code, exit::UNPROTECTED);
    assert!(super::os::fix(&paths.key(), Kind::Secret).is_err(), "a link is never followed");
    fs::remove_file(paths.key()).unwrap();
    fs::create_dir(paths.spool()).unwrap();
    set(&paths.spool(), 0o777);
    assert_eq!(check(&paths).len(), 1, "the spool is looked at too");
}
