//! Files that another program holds open without letting others rename, remove or replace them.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::windows::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};
use updater::{
    fs::{Disk, Fs},
    patience::{Patient, is_held},
    record::Record,
};

/// A virus scanner lets go after this long.
const A_WHILE: Duration = Duration::from_millis(300);
/// Whoever waits so long for it has time enough, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);
/// The ways in which others open a file: for themselves alone, and so that others may read it.
const SHARES: [u32; 2] = [0, 1];

/// Opens a file as a program does that lets others do no more than this.
fn hold(path: &Path, share: u32) -> File {
    OpenOptions::new().read(true).share_mode(share).open(path).unwrap()
}

/// Lets go of it after a while.
fn let_go_later(file: File) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        thread::sleep(A_WHILE);
        drop(file);
    })
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file with its own name in it.
    fn file(&self, name: &str) -> PathBuf {
        fs::write(self.at(name), name).unwrap();
        self.at(name)
    }

    /// The files and what is in them.
    fn content(&self) -> Vec<(String, String)> {
        let mut names = Disk.list(self.0.path()).unwrap();
        names.sort();
        names.into_iter().map(|name| (name.clone(), fs::read_to_string(self.at(&name)).unwrap())).collect()
    }
}

/// One thing that is done to a file: refused while the file is held, and then everything is as it was before; done when it
/// is let go.
fn tried(what: &str, held: &str, act: impl Fn(&dyn Fs, &Folder) -> io::Result<()>) {
    for share in SHARES {
        let folder = Folder::new();
        for name in ["one", "other"] {
            folder.file(name);
        }
        let before = folder.content();
        let file = hold(&folder.at(held), share);
        let refused = act(&Disk, &folder).unwrap_err();
        assert!(is_held(&refused), "{what}, share {share}: {refused:?}");
        let began = Instant::now();
        let refused = act(&Patient::new(Disk, A_WHILE), &folder).unwrap_err();
        assert!(is_held(&refused), "{what}, share {share}: {refused:?}");
        assert!(began.elapsed() >= A_WHILE && began.elapsed() < PATIENCE, "{:?}", began.elapsed());
        // One that is held for oneself alone cannot even be read.
        drop(file);
        assert_eq!(folder.content(), before, "{what}, share {share}: nothing is half done");
        let letting = let_go_later(hold(&folder.at(held), share));
        let patient = Patient::new(Disk, PATIENCE);
        let done = act(&patient, &folder);
        letting.join().unwrap();
        assert!(done.is_ok(), "{what}, share {share}: {done:?}");
        assert!(!patient.waited().is_zero(), "{what}, share {share}: it was not held");
        assert_ne!(folder.content(), before, "{what}, share {share}");
    }
}

#[test]
fn a_file_that_is_held_is_renamed_when_it_is_let_go() {
    tried("rename from", "one", |disk, folder| disk.rename(&folder.at("one"), &folder.at("new")));
}

#[test]
fn a_file_that_is_held_is_replaced_when_it_is_let_go() {
    tried("rename over", "other", |disk, folder| disk.rename(&folder.at("one"), &folder.at("other")));
}

#[test]
fn a_file_that_is_held_is_written_anew_when_it_is_let_go() {
    tried("write", "one", |disk, folder| disk.write_synced(&folder.at("one"), b"new"));
}

#[test]
fn a_program_that_is_held_is_set_aside_when_it_is_let_go() {
    tried("set aside", "one", |disk, folder| disk.set_aside(&folder.at("one"), &folder.at("one.old")));
    tried("set aside over", "other", |disk, folder| disk.set_aside(&folder.at("one"), &folder.at("other")));
}

#[test]
fn a_file_that_is_held_is_removed_when_it_is_let_go() {
    tried("remove", "one", |disk, folder| disk.remove(&folder.at("one")));
}

#[test]
fn a_file_that_is_held_is_known_to_be_held() {
    let folder = Folder::new();
    let path = folder.file("one");
    assert!(Disk.let_go(&path).is_ok());
    for share in SHARES {
        let file = hold(&path, share);
        assert!(is_held(&Disk.let_go(&path).unwrap_err()), "share {share}");
        let letting = let_go_later(file);
        assert!(Patient::new(Disk, PATIENCE).let_go(&path).is_ok(), "share {share}");
        letting.join().unwrap();
    }
}

/// A scanner that looks at what was just fetched keeps it from being sealed, or even read, and then it is no other file.
#[test]
fn a_program_that_is_held_is_sealed_and_read_when_it_is_let_go() {
    let folder = Folder::new();
    let patient = Patient::new(Disk, PATIENCE);
    let path = folder.file("read");
    let whole = Disk.inspect(&path).unwrap();
    let file = hold(&path, 0);
    assert!(is_held(&Disk.inspect(&path).unwrap_err()));
    let letting = let_go_later(file);
    assert_eq!(patient.inspect(&path).unwrap(), whole);
    letting.join().unwrap();
    for share in SHARES {
        let path = folder.file(&format!("sealed-{share}"));
        let file = hold(&path, share);
        assert!(is_held(&Disk.seal(&path).unwrap_err()), "share {share}");
        let letting = let_go_later(file);
        patient.seal(&path).unwrap();
        letting.join().unwrap();
        assert!(fs::metadata(&path).unwrap().permissions().readonly(), "share {share}");
        patient.remove(&path).unwrap();
        assert!(!path.exists(), "a sealed program can be removed");
    }
}

/// Whoever lets others do everything with a file holds nobody up.
#[test]
fn a_file_that_is_shared_holds_nobody_up() {
    /// Reading, writing and taking the name away.
    const EVERYTHING: u32 = 7;
    let folder = Folder::new();
    let (one, other) = (folder.file("one"), folder.file("other"));
    let file = hold(&one, EVERYTHING);
    Disk.rename(&one, &folder.at("new")).unwrap();
    drop(file);
    let file = hold(&other, EVERYTHING);
    // Wine lets nobody replace a file that is open, however it is shared; Windows 10 is said to.
    let letting = let_go_later(file);
    Patient::new(Disk, PATIENCE).rename(&folder.at("new"), &other).unwrap();
    letting.join().unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), "one");
}

/// Somebody opens every copy of a record again and again while it is written and read: no writing fails, and what is read
/// is what was written last.
#[test]
fn a_record_that_others_look_at_is_never_half_written() {
    let folder = Folder::new();
    let is_over = AtomicBool::new(false);
    let names = ["r.a", "r.b", "r.a.new", "r.b.new"].map(|name| folder.at(name));
    thread::scope(|scope| {
        scope.spawn(|| {
            for (round, path) in (0_u64..).zip(names.iter().cycle()) {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let share = if round % 3 == 0 { 0 } else { 1 };
                let held = OpenOptions::new().read(true).share_mode(share).open(path);
                thread::sleep(Duration::from_millis(round % 7));
                drop(held);
            }
        });
        let patient = Patient::new(Disk, PATIENCE);
        let (mut record, _) = Record::<u64>::open(&patient, folder.0.path(), "r");
        for number in 0..60 {
            let written = record.write(&patient, &number);
            let (again, read) = Record::<u64>::open(&patient, folder.0.path(), "r");
            if written.is_err() || read.value != Some(number) || read.is_damaged {
                is_over.store(true, Ordering::Relaxed);
            }
            written.unwrap();
            assert_eq!((read.value, read.is_damaged), (Some(number), false));
            record = again;
        }
        is_over.store(true, Ordering::Relaxed);
    });
}
