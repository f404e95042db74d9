//! Files that another program holds. On Windows a virus scanner or a backup opens a file in such a way that nobody renames,
//! removes or replaces it meanwhile; most times that is over in a moment. [`Patient`] is a disk that tries again for a
//! bounded time, after pauses that grow and differ by chance, and then says what the system said; what it was to change is
//! as it was before. Elsewhere nothing of this kind is refused, so that nothing is waited for.

use crate::fs::{Fs, Inspected};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// The first pause; each is twice as long as the one before.
const FIRST: Duration = Duration::from_millis(20);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(1);
/// So long a file is waited for that is only to go away: what cannot be removed now is removed the next time.
const REMOVAL_MAX: Duration = Duration::from_secs(1);
/// While one file is waited for in vain, others have so much less time: whoever holds one for so long holds more of them,
/// and meanwhile nobody looks after the agent.
const LESS: u32 = 12;
/// What was waited for in vain is waited for again after this long.
const IN_VAIN: Duration = Duration::from_secs(60 * 60);
/// What Windows says of a file that somebody holds: a sharing violation, a lock violation, a removal that waits for the
/// last one who has it open, a file that is mapped into somebody's memory.
const HELD: [i32; 4] = [32, 33, 303, 1224];

/// True when the same may go well a moment later, because another program holds the file.
#[must_use]
pub fn is_held(error: &io::Error) -> bool {
    match error.raw_os_error() {
        Some(code) => cfg!(windows) && HELD.contains(&code),
        // Of simulated disks.
        None => error.kind() == io::ErrorKind::ResourceBusy,
    }
}

/// This process was asked to end.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// From here on no thread of this process waits for files: it was asked to end, and has little time for that.
pub fn end() {
    IS_ENDING.store(true, Ordering::Relaxed);
}

/// How time passes.
pub trait Waiting: fmt::Debug {
    /// A clock that only goes forward.
    fn now(&self) -> Duration;
    /// Waits at most this long, and not always equally long.
    fn wait(&self, longest: Duration);
    /// Nothing is to be waited for any more.
    fn is_ending(&self) -> bool {
        false
    }
}

/// Time as it passes for this thread.
#[derive(Clone, Copy, Debug)]
pub struct Thread {
    began: Instant,
}

impl Default for Thread {
    fn default() -> Self {
        Self { began: Instant::now() }
    }
}

impl Waiting for Thread {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn wait(&self, longest: Duration) {
        let mut chance = [0];
        // Without a source of chance every pause is a long one.
        let [chance] = match getrandom::fill(&mut chance) {
            Ok(()) => chance,
            Err(_) => [u8::MAX],
        };
        thread::sleep(pause(longest, chance));
    }

    fn is_ending(&self) -> bool {
        IS_ENDING.load(Ordering::Relaxed)
    }
}

/// Between half of it and all of it.
fn pause(longest: Duration, chance: u8) -> Duration {
    let half = longest / 2;
    half + half * u32::from(chance) / u32::from(u8::MAX)
}

/// Tries until it goes well or fails in another way, at most so long; it is tried once in any case.
///
/// # Errors
/// What the last try said.
pub fn retry<T>(
    most: Duration,
    waiting: &impl Waiting,
    mut once: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let began = waiting.now();
    let mut longest = FIRST;
    loop {
        let left = most.saturating_sub(waiting.now().saturating_sub(began));
        match once() {
            Err(error) if is_held(&error) && !left.is_zero() && !waiting.is_ending() => {
                waiting.wait(longest.min(left));
                longest = (longest * 2).min(LONGEST);
            }
            done => return done,
        }
    }
}

/// A disk on which files that others hold are waited for.
#[derive(Debug)]
pub struct Patient<F, W = Thread> {
    disk: F,
    waiting: W,
    most: Duration,
    /// All that was waited so far.
    waited: Cell<Duration>,
    /// What was waited for in vain, and when: until it went well once, it is tried without waiting, so that a file that is
    /// held for hours does not cost its time at every write.
    in_vain: RefCell<BTreeMap<PathBuf, Duration>>,
}

impl<F> Patient<F> {
    /// Waits at most so long for one file.
    pub fn new(disk: F, most: Duration) -> Self {
        Self::with(disk, most, Thread::default())
    }
}

impl<F, W: Waiting> Patient<F, W> {
    /// The same with a time of its own.
    pub fn with(disk: F, most: Duration, waiting: W) -> Self {
        Self { disk, waiting, most, waited: Cell::default(), in_vain: RefCell::default() }
    }

    /// How long files were waited for so far, in all. Whoever measures the time of others leaves it out.
    pub fn waited(&self) -> Duration {
        self.waited.get()
    }

    /// Does what needs this file, again and again while others hold it.
    ///
    /// # Errors
    /// What the last try said.
    pub fn patiently<T>(&self, path: &Path, once: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let now = self.waiting.now();
        self.in_vain.borrow_mut().retain(|_, since| now.saturating_sub(*since) < IN_VAIN);
        let (is_in_vain, is_other) = {
            let in_vain = self.in_vain.borrow();
            (in_vain.contains_key(path), !in_vain.is_empty())
        };
        let most = match (is_in_vain, is_other) {
            (true, _) => Duration::ZERO,
            (false, true) => self.most / LESS,
            (false, false) => self.most,
        };
        let done = self.counted(most, once);
        let is_held = done.as_ref().is_err_and(is_held);
        if is_held && !is_in_vain {
            self.in_vain.borrow_mut().insert(path.to_owned(), self.waiting.now());
        } else if is_in_vain && !is_held {
            self.in_vain.borrow_mut().remove(path);
        }
        done
    }

    fn counted<T>(&self, most: Duration, mut once: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let (began, mut tries) = (self.waiting.now(), 0_u32);
        let done = retry(most, &self.waiting, || {
            tries = tries.saturating_add(1);
            once()
        });
        // What went well at once took the time that it takes.
        if tries > 1 {
            let waited = self.waiting.now().saturating_sub(began);
            self.waited.set(self.waited.get().saturating_add(waited));
        }
        done
    }

    fn briefly<T>(&self, once: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        self.counted(REMOVAL_MAX.min(self.most), once)
    }
}

impl<F: Fs, W: Waiting> Fs for Patient<F, W> {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        self.patiently(path, || self.disk.read(path, most))
    }

    fn write_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.patiently(path, || self.disk.write_synced(path, bytes))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.patiently(to, || self.disk.rename(from, to))
    }

    fn set_aside(&self, program: &Path, to: &Path) -> io::Result<()> {
        self.patiently(to, || self.disk.set_aside(program, to))
    }

    fn let_go(&self, path: &Path) -> io::Result<()> {
        self.patiently(path, || self.disk.let_go(path))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.sync_folder(folder)
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.make_folder(folder)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.briefly(|| self.disk.remove(path))
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.briefly(|| self.disk.remove_folder(folder))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn inspect(&self, path: &Path) -> io::Result<Inspected> {
        self.patiently(path, || self.disk.inspect(path))
    }

    fn seal(&self, path: &Path) -> io::Result<()> {
        self.patiently(path, || self.disk.seal(path))
    }

    fn room(&self, folder: &Path) -> io::Result<u64> {
        self.disk.room(folder)
    }

    fn openness(&self, folder: &Path) -> io::Result<Option<String>> {
        self.disk.openness(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    const MINUTE: Duration = Duration::from_secs(60);

    /// A time that passes only by being waited.
    #[derive(Clone, Debug, Default)]
    struct Clock {
        now: Rc<Cell<Duration>>,
        pauses: Rc<RefCell<Vec<Duration>>>,
        /// From this pause on it is to end.
        ends_after: Option<usize>,
    }

    impl Waiting for Clock {
        fn now(&self) -> Duration {
            self.now.get()
        }

        fn wait(&self, longest: Duration) {
            self.now.set(self.now.get() + longest);
            self.pauses.borrow_mut().push(longest);
        }

        fn is_ending(&self) -> bool {
            self.ends_after.is_some_and(|pauses| self.pauses.borrow().len() >= pauses)
        }
    }

    /// Held until that moment.
    fn held_until(clock: &Clock, until: Duration) -> io::Result<u32> {
        if clock.now() < until { Err(io::ErrorKind::ResourceBusy.into()) } else { Ok(7) }
    }

    #[test]
    fn a_file_that_others_hold_is_waited_for_a_minute_and_no_longer() {
        for (seconds, is_good) in [(0, true), (5, true), (30, true), (59, true), (120, false)] {
            let clock = Clock::default();
            let until = Duration::from_secs(seconds);
            let done = retry(MINUTE, &clock, || held_until(&clock, until));
            assert_eq!(done.is_ok(), is_good, "{seconds} s");
            assert!(clock.now() <= MINUTE, "{seconds} s: {:?}", clock.now());
            assert!(clock.now() <= until + LONGEST, "{seconds} s: {:?}", clock.now());
            let pauses = clock.pauses.borrow();
            assert!(pauses.iter().all(|pause| *pause <= LONGEST), "{pauses:?}");
            assert!(pauses.len() < 80, "{} tries", pauses.len());
        }
    }

    #[test]
    fn what_others_do_not_hold_is_not_waited_for() {
        let clock = Clock::default();
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::StorageFull, io::ErrorKind::NotFound] {
            let done: io::Result<()> = retry(MINUTE, &clock, || Err(kind.into()));
            assert_eq!(done.unwrap_err().kind(), kind);
        }
        // Where the codes mean something else.
        let done: io::Result<()> = retry(MINUTE, &clock, || Err(io::Error::from_raw_os_error(5)));
        assert!(done.is_err());
        assert!(clock.pauses.borrow().is_empty());
        assert_eq!(is_held(&io::Error::from_raw_os_error(32)), cfg!(windows));
    }

    #[test]
    fn whoever_is_to_end_waits_no_more() {
        let clock = Clock { ends_after: Some(3), ..Clock::default() };
        assert!(retry(MINUTE, &clock, || held_until(&clock, MINUTE)).is_err());
        assert_eq!(clock.pauses.borrow().len(), 3);
        assert!(clock.now() < LONGEST);
    }

    #[test]
    fn what_was_waited_for_in_vain_costs_its_time_once() {
        let clock = Clock::default();
        let patient = Patient::with((), MINUTE, clock.clone());
        let (one, other) = (Path::new("one"), Path::new("other"));
        let until = Duration::from_secs(180);
        assert!(patient.patiently(one, || held_until(&clock, until)).is_err());
        assert_eq!(patient.waited(), MINUTE);
        for _ in 0..10 {
            assert!(patient.patiently(one, || held_until(&clock, until)).is_err());
        }
        assert_eq!(patient.waited(), MINUTE, "it is tried, and not waited for");
        assert!(patient.patiently(other, || held_until(&clock, until)).is_err());
        let so_far = MINUTE + MINUTE / LESS;
        assert_eq!(patient.waited(), so_far, "another file has its time too, if not as much");
        clock.now.set(until);
        assert!(patient.patiently(one, || held_until(&clock, until)).is_ok());
        let later = until + Duration::from_secs(1);
        assert!(patient.patiently(one, || held_until(&clock, later)).is_ok(), "it is waited for again");
        assert!(patient.waited() > so_far);
        clock.now.set(until + IN_VAIN);
        let later = clock.now() + MINUTE / 2;
        assert!(patient.patiently(other, || held_until(&clock, later)).is_ok(), "and so is what is long ago");
    }

    #[test]
    fn pauses_differ_by_chance() {
        assert_eq!(pause(LONGEST, 0), LONGEST / 2);
        assert_eq!(pause(LONGEST, u8::MAX), LONGEST);
        assert!(pause(LONGEST, 100) > LONGEST / 2 && pause(LONGEST, 100) < LONGEST);
    }
}
