//! The freshness key: says that a manifest is still what is meant, and that an agent was heard. It lies in a file beside
//! the database, and can make nothing runnable. Made on purpose (`reeve release freshness-key`), because a root has to
//! name it.

use crate::{Error, Result, keys};
use entity::release::{PublicKey, Signer};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

/// The file of the key, below the folder of the keys.
const FILE: &str = "freshness.key";

/// The key, if there is one; a file that comes or changes while the server runs is taken up.
pub(crate) struct Freshness {
    file: PathBuf,
    held: RwLock<Option<(SystemTime, Arc<Signer>)>>,
}

impl Freshness {
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { file: file(data_dir), held: RwLock::default() }
    }

    /// What signs; `None` when there is no key.
    pub(crate) fn signer(&self) -> Result<Option<Arc<Signer>>> {
        let written_at = match fs::metadata(&self.file).and_then(|about| about.modified()) {
            Ok(at) => at,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::Internal(format!("{}: {error}", self.file.display()))),
        };
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, signer)) = held
            && at == written_at
        {
            return Ok(Some(signer));
        }
        let signer = Arc::new(Signer::from_seed(&keys::read_seed(&self.file)?));
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some((written_at, Arc::clone(&signer)));
        Ok(Some(signer))
    }
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("keys").join(FILE)
}

/// The public part of the key below `data_dir`, as a root lists it; the key is made when there is none.
///
/// # Errors
/// When it cannot be read or written.
pub fn freshness_key(data_dir: &Path, holder: &str) -> Result<PublicKey> {
    Ok(Signer::from_seed(&keys::seed_in(&file(data_dir))?).public_key(holder))
}

/// The same, if there is a key; makes nothing.
///
/// # Errors
/// When it cannot be read.
pub fn existing_freshness_key(data_dir: &Path, holder: &str) -> Result<Option<PublicKey>> {
    let file = file(data_dir);
    file.exists().then(|| Ok(Signer::from_seed(&keys::read_seed(&file)?).public_key(holder))).transpose()
}
