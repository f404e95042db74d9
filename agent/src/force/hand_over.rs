//! What a supervised agent was asked to be started with, on its way from one run to the next: in a file that the next
//! run takes away.

use super::NewArguments;
use crate::paths::Paths;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::{fs, io};
use updater::durable::{Mode, write_atomic};

/// What lies longer was meant for a run that never came.
const GOOD_FOR: TimeDelta = TimeDelta::minutes(2);

/// What the file holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Handed {
    at: DateTime<Utc>,
    arguments: NewArguments,
}

/// Leaves the arguments for the next run.
///
/// # Errors
/// When the file cannot be written.
pub fn hand_over(paths: &Paths, arguments: &NewArguments) -> io::Result<()> {
    let handed = Handed { at: Utc::now(), arguments: arguments.clone() };
    write_atomic(&paths.restart(), &serde_json::to_vec(&handed)?, Mode::Private)
}

/// Takes what the run before has left, once.
#[must_use]
pub fn take_handed(paths: &Paths) -> Option<NewArguments> {
    let bytes = fs::read(paths.restart()).ok()?;
    // One that cannot be removed would be taken again and again.
    fs::remove_file(paths.restart()).ok()?;
    let handed: Handed = serde_json::from_slice(&bytes).ok()?;
    let age = Utc::now().signed_duration_since(handed.at);
    // Read like every other request: the file is no way around the list of what is accepted.
    (age.abs() < GOOD_FOR).then(|| NewArguments::read(&handed.arguments.words()).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_is_taken_once_and_soon() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        assert_eq!(take_handed(&paths), None);
        let arguments = NewArguments { loglevel: Some("debug".to_owned()), foreground: true };
        hand_over(&paths, &arguments).unwrap();
        assert_eq!(take_handed(&paths), Some(arguments.clone()));
        assert_eq!(take_handed(&paths), None);
        let old = Handed { at: Utc::now() - TimeDelta::minutes(3), arguments };
        fs::write(paths.restart(), serde_json::to_vec(&old).unwrap()).unwrap();
        assert_eq!(take_handed(&paths), None);
        let wrong = NewArguments { loglevel: Some("loud".to_owned()), foreground: false };
        hand_over(&paths, &wrong).unwrap();
        assert_eq!(take_handed(&paths), None);
        assert!(!paths.restart().exists());
    }
}
