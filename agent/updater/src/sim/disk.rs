//! A disk that loses power: of the names only those survive for certain whose folder was synced, of the bytes only those
//! whose file was synced; of the rest a part survives, in any order, torn at 512 bytes.

use crate::fs::{Fs, Inspected, inspect};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    rc::Rc,
};

const SECTOR: usize = 512;

#[derive(Clone, Debug, Default)]
struct File {
    now: Vec<u8>,
    /// As of the last sync.
    safe: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Change {
    Name(PathBuf, usize),
    Forget(PathBuf),
    Rename(PathBuf, PathBuf, usize),
}

#[derive(Debug)]
struct State {
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    safe_names: BTreeMap<PathBuf, usize>,
    /// Not synced yet: in which folder, and what.
    changes: Vec<(PathBuf, Change)>,
    folders: BTreeSet<PathBuf>,
    steps: u64,
    /// The power goes at this step.
    cut_at: Option<u64>,
    is_off: bool,
    /// One step in so many fails with an error; 0 for none.
    faults: u32,
    /// One file in so many is found in other programs' hands; 0 for none.
    holds: u32,
    /// How often a file will be refused because somebody holds it.
    held: BTreeMap<PathBuf, u32>,
    chance: fastrand::Rng,
}

/// Such a disk; copies of it are the same disk.
#[derive(Clone, Debug)]
pub struct SimDisk(Rc<RefCell<State>>);

impl SimDisk {
    pub fn new(seed: u64) -> Self {
        Self(Rc::new(RefCell::new(State {
            files: Vec::new(),
            names: BTreeMap::new(),
            safe_names: BTreeMap::new(),
            changes: Vec::new(),
            folders: BTreeSet::new(),
            steps: 0,
            cut_at: None,
            is_off: false,
            faults: 0,
            holds: 0,
            held: BTreeMap::new(),
            chance: fastrand::Rng::with_seed(seed),
        })))
    }

    /// Puts a file there for good.
    pub fn lay(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.0.borrow_mut();
        state.folders.extend(path.parent().map(Path::to_owned));
        state.files.push(File { now: bytes.to_vec(), safe: Some(bytes.to_vec()) });
        let file = state.files.len() - 1;
        state.names.insert(path.to_owned(), file);
        state.safe_names.insert(path.to_owned(), file);
    }

    /// Writes as somebody does who syncs nothing.
    pub fn scribble(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.0.borrow_mut();
        state.files.push(File { now: bytes.to_vec(), safe: None });
        let file = state.files.len() - 1;
        state.set(path, file);
    }

    /// The files there are.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.0.borrow().names.keys().cloned().collect()
    }

    /// The bytes of a file.
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.0.borrow();
        state.names.get(path).map(|file| state.files[*file].now.clone())
    }

    /// Takes a file away for good.
    pub fn lose(&self, path: &Path) {
        let mut state = self.0.borrow_mut();
        state.names.remove(path);
        state.safe_names.remove(path);
    }

    pub fn steps(&self) -> u64 {
        self.0.borrow().steps
    }

    pub fn cut_at(&self, step: Option<u64>) {
        self.0.borrow_mut().cut_at = step;
    }

    pub fn fail_one_in(&self, faults: u32) {
        self.0.borrow_mut().faults = faults;
    }

    /// Has other programs take files into their hands now and then, each for a few tries.
    pub fn hold_one_in(&self, holds: u32) {
        self.0.borrow_mut().holds = holds;
    }

    /// Has another program hold a file for so many tries.
    pub fn hold(&self, path: &Path, tries: u32) {
        self.0.borrow_mut().held.insert(path.to_owned(), tries);
    }

    pub fn is_off(&self) -> bool {
        self.0.borrow().is_off
    }

    /// The power is back: what survived is there.
    pub fn power_on(&self) {
        let state = &mut *self.0.borrow_mut();
        let mut changes = std::mem::take(&mut state.changes);
        state.chance.shuffle(&mut changes);
        for (_, change) in changes {
            if state.chance.bool() {
                continue;
            }
            match change {
                Change::Name(path, file) => {
                    state.safe_names.insert(path, file);
                }
                Change::Forget(path) => {
                    state.safe_names.remove(&path);
                }
                Change::Rename(from, to, file) => {
                    if state.safe_names.get(&from) == Some(&file) {
                        state.safe_names.remove(&from);
                    }
                    state.safe_names.insert(to, file);
                }
            }
        }
        state.names = state.safe_names.clone();
        for file in &mut state.files {
            if file.safe.as_ref() != Some(&file.now) {
                let kept = state.chance.usize(0..=file.now.len() / SECTOR) * SECTOR;
                let mut torn = file.safe.clone().unwrap_or_default();
                torn.resize(if state.chance.bool() { file.now.len() } else { kept }, 0);
                let kept = kept.min(torn.len());
                torn[..kept].copy_from_slice(&file.now[..kept]);
                file.now = torn;
            }
            file.safe = Some(file.now.clone());
        }
        state.is_off = false;
        state.cut_at = None;
        // Whoever held files is gone too.
        state.held.clear();
    }
}

impl State {
    fn step(&mut self) -> io::Result<()> {
        if self.is_off {
            return Err(io::Error::other("the power is off"));
        }
        self.steps += 1;
        if self.cut_at.is_some_and(|at| self.steps >= at) {
            self.is_off = true;
            return Err(io::Error::other("the power is off"));
        }
        if self.faults > 0 && self.chance.u32(0..self.faults) == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    /// Refused while somebody holds the file; nothing has changed then.
    fn take(&mut self, path: &Path) -> io::Result<()> {
        /// Most tries for which one is taken by chance.
        const TRIES: u32 = 8;
        if let Some(left) = self.held.get_mut(path) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.held.remove(path);
            }
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        if self.holds > 0 && self.names.contains_key(path) && self.chance.u32(0..self.holds) == 0 {
            let tries = self.chance.u32(1..=TRIES);
            self.held.insert(path.to_owned(), tries);
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        Ok(())
    }

    fn set(&mut self, path: &Path, file: usize) {
        self.names.insert(path.to_owned(), file);
        self.changes.push((folder_of(path), Change::Name(path.to_owned(), file)));
    }
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().expect("has a folder").to_owned()
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Fs for SimDisk {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let bytes = self.bytes(path).ok_or_else(missing)?;
        if bytes.len() as u64 > most { Err(io::ErrorKind::InvalidData.into()) } else { Ok(bytes) }
    }

    fn write_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.remove(path)?;
        self.scribble(path, bytes);
        let state = &mut *self.0.borrow_mut();
        // The power may go before the bytes are down.
        state.step()?;
        let file = state.names[path];
        state.files[file].safe = Some(bytes.to_vec());
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let state = &mut *self.0.borrow_mut();
        state.take(from)?;
        state.take(to)?;
        state.step()?;
        let file = state.names.remove(from).ok_or_else(missing)?;
        state.names.insert(to.to_owned(), file);
        if folder_of(from) == folder_of(to) {
            state.changes.push((folder_of(to), Change::Rename(from.to_owned(), to.to_owned(), file)));
        } else {
            state.changes.push((folder_of(from), Change::Forget(from.to_owned())));
            state.changes.push((folder_of(to), Change::Name(to.to_owned(), file)));
        }
        Ok(())
    }

    fn set_aside(&self, program: &Path, to: &Path) -> io::Result<()> {
        let state = &mut *self.0.borrow_mut();
        state.take(program)?;
        state.take(to)?;
        state.step()?;
        let file = *state.names.get(program).ok_or_else(missing)?;
        state.set(to, file);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let state = &mut *self.0.borrow_mut();
        state.step()?;
        state.changes.retain(|(of, _)| of != folder);
        state.safe_names.retain(|path, _| folder_of(path) != folder);
        let now: Vec<_> = state
            .names
            .iter()
            .filter(|(path, _)| folder_of(path) == folder)
            .map(|(path, file)| (path.clone(), *file))
            .collect();
        state.safe_names.extend(now);
        Ok(())
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let state = &mut *self.0.borrow_mut();
        state.step()?;
        state.folders.insert(folder.to_owned());
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let state = &mut *self.0.borrow_mut();
        state.take(path)?;
        state.step()?;
        if state.folders.contains(path) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if state.names.remove(path).is_some() {
            state.changes.push((folder_of(path), Change::Forget(path.to_owned())));
        }
        Ok(())
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        let state = &mut *self.0.borrow_mut();
        state.step()?;
        if state.names.keys().any(|path| folder_of(path) == folder) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.folders.remove(folder);
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.0.borrow();
        let inside = state.names.keys().chain(&state.folders).filter(|path| path.parent() == Some(folder));
        Ok(inside.map(|path| path.file_name().expect("has a name").to_string_lossy().into_owned()).collect())
    }

    fn inspect(&self, path: &Path) -> io::Result<Inspected> {
        inspect(&self.bytes(path).ok_or_else(missing)?[..])
    }

    fn seal(&self, path: &Path) -> io::Result<()> {
        let state = &mut *self.0.borrow_mut();
        state.take(path)?;
        state.step()?;
        let file = *state.names.get(path).ok_or_else(missing)?;
        state.files[file].safe = Some(state.files[file].now.clone());
        Ok(())
    }

    fn room(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }

    fn openness(&self, _: &Path) -> io::Result<Option<String>> {
        Ok(None)
    }
}
