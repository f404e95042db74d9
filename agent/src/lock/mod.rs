//! One agent for each data directory: the kernel's lock decides. Process id and time in the file are for people: an
//! agent that was suspended for a week still holds its lock.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as os;
#[cfg(windows)]
use windows as os;

use crate::{failure::Failure, paths::Paths};
use chrono::{SecondsFormat, Utc};
use std::{
    fmt,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};
use updater::exit;

/// Most bytes of a lock file that are read.
const BYTES_MAX: u64 = 128;
/// Tries before another one counts as the holder: somebody who only looks holds the lock for a moment too, and a holder
/// writes its number only after it has the lock.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(40);

/// What a lock file says of the agent that wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: Option<u32>,
    /// When it last refreshed the file.
    pub timestamp: Option<String>,
}

impl Holder {
    fn parse(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let pid = words.next().and_then(|word| word.parse().ok());
        let printable = |word: &&str| word.bytes().all(|byte| byte.is_ascii_graphic());
        Self { pid, timestamp: words.next().filter(printable).map(str::to_owned) }
    }

    fn read(mut file: &File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        file.take(BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(Self::parse(&String::from_utf8_lossy(&bytes)))
    }

    fn pid_word(&self) -> String {
        self.pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string())
    }
}

/// `PID: 123, Timestamp: 2026-11-21T00:00:00Z`.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamp = self.timestamp.as_deref().unwrap_or("unknown");
        write!(f, "PID: {}, Timestamp: {timestamp}", self.pid_word())
    }
}

/// Held for as long as it lives; the kernel lets go when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    /// `None` once it was let go of.
    file: Option<File>,
    path: PathBuf,
}

/// A try to take the lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours now. `before` is what a holder that did not let go in order left in the file.
    Taken {
        /// The lock.
        lock: Lock,
        /// The holder before.
        before: Option<Holder>,
    },
    /// Another one holds it.
    Held(Holder),
}

impl Lock {
    /// Tries once, without a word.
    ///
    /// # Errors
    /// When the file cannot be opened or locked.
    pub fn attempt(paths: &Paths) -> io::Result<Attempt> {
        let path = paths.lock();
        loop {
            let file = os::open(&path)?;
            if !os::try_exclusive(&file)? {
                return Ok(Attempt::Held(Holder::read(&file).unwrap_or_default()));
            }
            // A holder that let go has taken the name away: a lock on a file without a name keeps nobody out.
            if !os::is_at(&file, &path) {
                continue;
            }
            let before = Holder::read(&file).ok().filter(|holder| *holder != Holder::default());
            let lock = Self { file: Some(file), path };
            // Only information: on a full disk the agent still has to run.
            let _ = lock.write();
            return Ok(Attempt::Taken { lock, before });
        }
    }

    /// Takes the lock and says so.
    ///
    /// # Errors
    /// When another agent holds it, or the file cannot be opened.
    pub fn take(paths: &Paths) -> Result<Self, Failure> {
        let mut said = false;
        let mut check = || {
            if !std::mem::replace(&mut said, true) {
                tracing::info!("Lock file exists, checking status...");
            }
        };
        let mut tries = 1;
        loop {
            match Self::attempt(paths).map_err(|error| trouble(&paths.lock(), &error))? {
                Attempt::Taken { lock, before } => {
                    if let Some(before) = before {
                        check();
                        tracing::warn!("Detected stale lock file ({before}). Attempting to take over.");
                    }
                    tracing::info!("Acquired lock successfully");
                    return Ok(lock);
                }
                Attempt::Held(_) if tries < TRIES => {
                    tries += 1;
                    thread::sleep(BETWEEN_TRIES);
                }
                Attempt::Held(holder) => {
                    check();
                    return Err(is_running(&holder));
                }
            }
        }
    }

    /// Writes the number of this process and the time, and looks whether the lock still keeps others out: somebody may
    /// have removed the file. Then it is taken anew.
    ///
    /// # Errors
    /// When another agent has it by now, or the file cannot be had.
    pub fn refresh(&mut self, paths: &Paths) -> Result<(), Failure> {
        if self.file.as_ref().is_some_and(|file| os::is_at(file, &self.path)) {
            tracing::debug!("lock timestamp refreshed");
            let _ = self.write();
            return Ok(());
        }
        tracing::warn!("{} was removed while the agent runs: taking the lock anew", self.path.display());
        match Self::attempt(paths).map_err(|error| trouble(&self.path, &error))? {
            Attempt::Taken { mut lock, .. } => {
                std::mem::swap(&mut self.file, &mut lock.file);
                // What is left of the former one has no name that could be removed.
                drop(lock.file.take());
                Ok(())
            }
            Attempt::Held(holder) => Err(is_running(&holder)),
        }
    }

    fn write(&self) -> io::Result<()> {
        let Some(mut file) = self.file.as_ref() else { return Ok(()) };
        let text =
            format!("{}\n{}\n", std::process::id(), Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true));
        file.seek(SeekFrom::Start(0))?;
        // One write of one length for one process: who reads meanwhile sees the one or the other.
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)
    }

    /// Lets go, takes the file away and says so.
    pub fn release(mut self) {
        match self.let_go() {
            Ok(()) => tracing::info!("Lock released successfully"),
            Err(error) => tracing::warn!(%error, "the lock was released, but its file stays"),
        }
    }

    fn let_go(&mut self) -> io::Result<()> {
        self.file.take().map_or(Ok(()), |file| os::let_go(file, &self.path))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A file that stays is taken over by the next one.
        let _ = self.let_go();
    }
}

/// The refusal of an agent that is not the first.
#[must_use]
pub fn is_running(holder: &Holder) -> Failure {
    let said = format!("Another instance (PID: {}) is running. Exiting.", holder.pid_word());
    tracing::info!("{said}");
    Failure::new(exit::ALREADY_RUNNING, said)
}

fn trouble(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("{}: {error}", path.display()))
}

/// The agent that runs on these files, if one does.
#[must_use]
pub fn running(paths: &Paths) -> Option<Holder> {
    let file = os::look(&paths.lock()).ok()?;
    match os::is_held(&file) {
        Ok(true) => Some(Holder::read(&file).unwrap_or_default()),
        Ok(false) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder() -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        (folder, paths)
    }

    #[test]
    fn the_second_one_is_refused_and_told_by_whom() {
        let (_folder, paths) = folder();
        assert_eq!(running(&paths), None);
        let first = Lock::take(&paths).unwrap();
        let holder = running(&paths).unwrap();
        assert_eq!(holder.pid, Some(std::process::id()));
        assert!(chrono::DateTime::parse_from_rfc3339(&holder.timestamp.unwrap()).is_ok());
        let refused = Lock::take(&paths).unwrap_err();
        assert_eq!(refused.code, exit::ALREADY_RUNNING);
        assert!(refused.message.contains(&std::process::id().to_string()));
        first.release();
        assert!(!paths.lock().exists(), "a lock that was let go of leaves nothing");
        assert_eq!(running(&paths), None);
        Lock::take(&paths).unwrap();
    }

    #[test]
    fn what_a_crash_left_is_taken_over_whatever_it_says() {
        for left in
            ["4194304\n2020-01-01T00:00:00Z\n", "1", "", "\u{0}\u{0}nonsense \n\u{1b}[31m", &"9".repeat(500)]
        {
            let (_folder, paths) = folder();
            fs::write(paths.lock(), left).unwrap();
            let Attempt::Taken { lock, before } = Lock::attempt(&paths).unwrap() else { panic!("{left:?}") };
            assert_eq!(before.is_some(), left.starts_with(['4', '1']), "{left:?}");
            let text = fs::read_to_string(paths.lock()).unwrap();
            assert_eq!(text.lines().count(), 2, "{text:?}");
            drop(lock);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_file_that_was_removed_is_put_back_or_the_agent_learns_that_it_is_another_ones() {
        let (_folder, paths) = folder();
        let mut first = Lock::take(&paths).unwrap();
        fs::remove_file(paths.lock()).unwrap();
        first.refresh(&paths).unwrap();
        assert!(matches!(Lock::attempt(&paths).unwrap(), Attempt::Held(_)), "it keeps others out again");
        fs::remove_file(paths.lock()).unwrap();
        let second = Lock::take(&paths).unwrap();
        assert_eq!(first.refresh(&paths).unwrap_err().code, exit::ALREADY_RUNNING);
        drop(first);
        assert!(paths.lock().exists(), "the other one's file is not taken away");
        drop(second);
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_is_never_a_link_to_another_file() {
        let (folder, paths) = folder();
        let target = folder.path().join("target");
        fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, paths.lock()).unwrap();
        assert!(Lock::attempt(&paths).is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    }
}
