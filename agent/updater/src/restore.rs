//! `reeve-updater.old restore`: the supervisor before looks after the new one. The service manager runs it before each start
//! of the service, so that also a new supervisor that dies before it can count its own starts is taken back. It has a count
//! of its own: neither depends on the other, and no start counts twice.

use crate::{
    engine::{
        names,
        own::{STARTS_MAX, beside, folder_of, put_in_place},
    },
    fs::{Disk, Fs},
    record::{
        Record,
        own::{Own, OwnStage},
    },
    slot::Home,
    supervise::lock,
};
use std::{io, path::Path};

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// No new supervisor is on trial here.
    Nothing,
    /// One is, and is about to be started for this time.
    Counted(u32),
    /// It was started too often without being confirmed: the one before has its place again.
    Back,
}

/// The same on the disk of this machine, unless a supervisor runs: then it is past all this.
///
/// # Errors
/// As for [`restore`], and when a supervisor looks after the same data.
pub fn run(home: &Home, program: &Path) -> io::Result<Restored> {
    if !home.lock().is_file() {
        // No supervisor has ever run here.
        return Ok(Restored::Nothing);
    }
    let _alone = lock(home)?;
    restore(&Disk, home, program)
}

/// Looks after the supervisor that lies at `program`, for the one before that lies beside it as `.old`.
///
/// # Errors
/// Whatever the file system refuses; then nothing has changed but perhaps the count.
pub fn restore(fs: &impl Fs, home: &Home, program: &Path) -> io::Result<Restored> {
    let (mut record, read) = Record::<Own>::open(fs, &home.state(), names::OWN);
    let Some(own) = read.value.filter(|own| own.stage == OwnStage::Placed) else {
        return Ok(Restored::Nothing);
    };
    let folders = [home.data().to_owned(), home.updates(), home.state(), folder_of(program).to_owned()];
    for folder in folders {
        if let Some(why) = fs.openness(&folder)? {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
    }
    let old = beside(program, ".old");
    // Nothing is done by half-knowledge: both files are what the record says that they are.
    let is_it = fs.inspect(program).is_ok_and(|file| own.to.is_file(&file))
        && fs.inspect(&old).is_ok_and(|file| file.sha256 == own.from);
    if !is_it {
        return Ok(Restored::Nothing);
    }
    let watched = own.watched.saturating_add(1);
    let written = record.write(fs, &Own { watched, ..own });
    if watched <= STARTS_MAX {
        return written.map(|()| Restored::Counted(watched));
    }
    // On a disk that is full the place is given back all the same.
    put_in_place(fs, &old, program).map(|()| Restored::Back)
}
