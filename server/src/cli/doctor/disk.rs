//! The data folder: room, speed, and who may look into it.

use super::finding::Finding;
use crate::setting::Data;
use std::{
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

/// Free bytes below which somebody should look, and below which the server will soon stop taking data.
const FREE_WARNING: u64 = 2 << 30;
const FREE_PROBLEM: u64 = 200 << 20;
/// A disk that takes longer to keep a page is slow for a database.
const SLOW: Duration = Duration::from_millis(50);
/// Pages that are written to find out.
const TRIES: usize = 5;

pub(super) fn examine(data: &Data) -> Vec<Finding> {
    let folder = data.data_dir.as_path();
    let shown = folder.display();
    if !folder.exists() {
        let parent =
            folder.ancestors().skip(1).find(|parent| parent.as_os_str().is_empty() || parent.exists());
        let parent = parent.filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut found = vec![if can_write(parent) {
            Finding::ok("disk", format!("There is no data folder {shown} yet; `reeve serve` makes it."))
        } else {
            Finding::problem(
                "disk",
                format!("There is no data folder {shown}, and this user cannot make it."),
                "Make it and give it to the server's user, or name another with --data-dir.",
            )
        }];
        found.extend(room(parent));
        return found;
    }
    if !folder.is_dir() {
        return vec![Finding::problem(
            "disk",
            format!("{shown} is no folder."),
            "Name another with --data-dir.",
        )];
    }
    let mut found = Vec::new();
    found.extend(room(folder));
    found.push(speed(folder));
    found.extend(privacy(folder));
    found
}

#[cfg(unix)]
fn can_write(folder: &Path) -> bool {
    use rustix::fs::{Access, access};
    access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn can_write(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|about| !about.permissions().readonly())
}

#[cfg(unix)]
fn room(folder: &Path) -> Option<Finding> {
    let about = rustix::fs::statvfs(folder).ok()?;
    let free = about.f_bavail.saturating_mul(about.f_frsize);
    let what = format!("{:.1} GiB are free in {}.", free as f64 / f64::from(1 << 30), folder.display());
    let advice =
        "Make room, or move the data folder; when the disk is full nothing is acknowledged any more.";
    Some(if free < FREE_PROBLEM {
        Finding::problem("disk", what, advice)
    } else if free < FREE_WARNING {
        Finding::warning("disk", what, advice)
    } else if about.f_files > 0 && about.f_favail == 0 {
        Finding::problem(
            "disk",
            "The file system has no room for another file.",
            "Remove files that nobody needs.",
        )
    } else {
        Finding::ok("disk", what)
    })
}

#[cfg(not(unix))]
fn room(_: &Path) -> Option<Finding> {
    None
}

/// Writes some pages into a file without a name, and waits until the disk has each.
fn speed(folder: &Path) -> Finding {
    let shown = folder.display();
    let measure = || -> std::io::Result<Duration> {
        let mut file = tempfile::tempfile_in(folder)?;
        let mut took = Vec::with_capacity(TRIES);
        for _ in 0..TRIES {
            let began_at = Instant::now();
            file.write_all(&[0; 8192])?;
            file.sync_data()?;
            took.push(began_at.elapsed());
        }
        took.sort_unstable();
        Ok(took[TRIES / 2])
    };
    match measure() {
        Err(error) => Finding::problem(
            "disk",
            format!("{shown} cannot be written to: {error}."),
            "Run this as the server's user, and give that user the folder.",
        ),
        Ok(took) => {
            let what = format!("The disk keeps a page in {:.1} ms.", took.as_secs_f64() * 1000.0);
            if took > SLOW {
                Finding::warning("disk", what, "A database on so slow a disk is slow too; choose another.")
            } else {
                Finding::ok("disk", what)
            }
        }
    }
}

/// Who may look into the folder and at the keys.
#[cfg(unix)]
fn privacy(folder: &Path) -> Vec<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let is_open = |path: &Path| fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0);
    let mut found = Vec::new();
    let keys = folder.join("keys");
    let mut unreadable = Vec::new();
    let mut open = Vec::new();
    if let Ok(list) = fs::read_dir(&keys) {
        for file in list.flatten().map(|entry| entry.path()) {
            if is_open(&file) && !is_closed(folder) && !is_closed(&keys) {
                open.push(file.display().to_string());
            }
            if let Err(error) = fs::read(&file) {
                unreadable.push(format!("{}: {error}", file.display()));
            }
        }
    } else if keys.exists() {
        unreadable.push(keys.display().to_string());
    }
    if !unreadable.is_empty() {
        let what = format!("Keys cannot be read: {}.", unreadable.join("; "));
        found.push(Finding::problem(
            "disk",
            what,
            "Run this as the server's user, and give that user the folder.",
        ));
    }
    if !open.is_empty() {
        let what = format!("Others on this machine can read keys: {}.", open.join(", "));
        found.push(Finding::problem("disk", what, format!("chmod -R go= {}", keys.display())));
    }
    if is_open(folder) {
        let what = format!("Others on this machine may look into {}.", folder.display());
        found.push(Finding::warning("disk", what, format!("chmod 700 {}", folder.display())));
    } else if found.is_empty() {
        found.push(Finding::ok("disk", format!("{} is its owner's alone.", folder.display())));
    }
    found
}

/// A folder that only its owner may enter keeps what is in it.
#[cfg(unix)]
fn is_closed(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(folder).is_ok_and(|about| about.permissions().mode() & 0o011 == 0)
}

#[cfg(not(unix))]
fn privacy(_: &Path) -> Vec<Finding> {
    vec![]
}
