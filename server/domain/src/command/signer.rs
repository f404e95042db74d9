//! The keys that sign what devices obey: a root that every device knows from its registration, and command keys that the
//! root lets sign for a while. They lie in files beside the database, never in it: whoever has the database, or the bus,
//! makes no command. The root may be kept elsewhere; then the keys that it granted go on until their time is over.

use super::signer_file::{self, Document, Held};
use crate::{Clock, Error, Result, keys, store::Config};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    command::{Envelope, Order, StopOrder},
    evidence::EvidenceSeal,
    problem::{Problem, ProblemCode},
    seal::{Purpose, SealKey},
};
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

/// How long a command key may sign.
pub const GRANT_DAYS: i64 = 90;
/// So long before its end a key gets a successor, where the root is there.
pub const RENEW_DAYS: i64 = 45;
/// So long before the end somebody is warned: where the root is there, it does not come to that.
pub const WARN_DAYS: i64 = 30;
/// A grant begins so long before it is made, for devices whose clocks are behind.
const BEHIND: TimeDelta = TimeDelta::days(1);
/// Former keys that are kept until their time is over.
const KEYS_MAX: usize = 4;

/// The file of the root, below the folder of the keys.
pub(crate) const ROOT_FILE: &str = "command-root.key";
/// The file of the command keys, below the folder of the keys.
pub(crate) const FILE: &str = "command.key";

/// Where the keys lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerPlace {
    /// The command keys, with the root's word for each.
    pub command: PathBuf,
    /// The root; it need not be there.
    pub root: PathBuf,
}

impl SignerPlace {
    /// Below the data folder, or where the settings say: the root is looked for beside the command keys.
    #[must_use]
    pub fn new(data_dir: &Path, command_key_file: Option<&Path>) -> Self {
        match command_key_file {
            Some(file) => Self { command: file.to_owned(), root: file.with_file_name(ROOT_FILE) },
            None => {
                let folder = data_dir.join("keys");
                Self { command: folder.join(FILE), root: folder.join(ROOT_FILE) }
            }
        }
    }

    pub(crate) fn of(config: &Config) -> Self {
        Self::new(&config.data_dir, config.command_key_file.as_deref())
    }

    /// True when there is something to begin with.
    pub(crate) fn is_there(&self) -> bool {
        self.command.exists() || self.root.exists()
    }
}

/// How the keys stand, for people; nothing secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignerReport {
    /// The root's public key, base64: what devices know, and what evidence is checked with.
    pub root_public: String,
    /// True: the root is beside the command keys, which are then renewed by themselves.
    pub has_root: bool,
    /// The command keys, the newest first.
    pub keys: Vec<GrantedKey>,
}

/// One command key, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GrantedKey {
    /// SHA-256 of the public key, hex.
    pub keyid: String,
    /// It signs nothing before this.
    pub not_before: DateTime<Utc>,
    /// And nothing after this.
    pub not_after: DateTime<Utc>,
}

impl SignerReport {
    /// When the last of the keys has no word of the root any more.
    #[must_use]
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.keys.iter().map(|key| key.not_after).max()
    }

    /// A sentence when somebody has to do something.
    #[must_use]
    pub fn warning(&self, now: DateTime<Utc>) -> Option<String> {
        let Some(end) = self.ends_at() else { return Some("There is no command key.".to_owned()) };
        let left = end - now;
        if left > TimeDelta::days(WARN_DAYS) {
            return None;
        }
        let day = end.format("%Y-%m-%d");
        Some(if left <= TimeDelta::zero() {
            format!("The command key signs nothing since {day}: no device gets a command.")
        } else {
            format!("The command key signs until {day}, and no device gets a command after that.")
        })
    }
}

/// Signs what devices obey.
pub struct Signer {
    place: SignerPlace,
    clock: Arc<dyn Clock>,
    ring: RwLock<Ring>,
}

/// What was read, and when the file was written that it was read from.
struct Ring {
    document: Document,
    written_at: Option<SystemTime>,
}

impl Signer {
    /// Reads the keys, or makes them on the first start; a key whose time is nearly over gets a successor where the root
    /// is there.
    ///
    /// # Errors
    /// When they cannot be read or written, or do not belong together.
    pub fn load_or_create(place: SignerPlace, clock: Arc<dyn Clock>) -> Result<Self> {
        let ring = Ring::read(&place, clock.now())?;
        Ok(Self { place, clock, ring: RwLock::new(ring) })
    }

    /// The root's public key: devices are told it when they register.
    #[must_use]
    pub fn root_public(&self) -> [u8; 32] {
        self.read(|ring| ring.document.root_public)
    }

    /// The same as text: base64.
    #[must_use]
    pub fn root_public_text(&self) -> String {
        BASE64_STANDARD.encode(self.root_public())
    }

    /// By which the root can be told from others.
    pub(crate) fn print(&self) -> String {
        entity::seal::key_id(&self.root_public())
    }

    /// Signs an order for its device.
    ///
    /// # Errors
    /// Unavailable when no key has the root's word for it at this time.
    pub fn seal_order(&self, order: &Order) -> Result<Envelope> {
        self.seal(Purpose::Order, order)
    }

    /// Signs that strong commands are stopped, or may go on. To be done each time that it is handed to a device: what was
    /// signed long ago is opened by nobody, because the grant of its key is over.
    ///
    /// # Errors
    /// Unavailable when no key has the root's word for it at this time.
    pub fn seal_stop(&self, stop: &StopOrder) -> Result<Envelope> {
        self.seal(Purpose::Stop, stop)
    }

    /// Signs what is handed out as evidence.
    ///
    /// # Errors
    /// Unavailable when no key has the root's word for it at this time.
    pub(crate) fn seal_evidence(&self, seal: &EvidenceSeal) -> Result<Envelope> {
        self.seal(Purpose::Evidence, seal)
    }

    /// How the keys stand.
    #[must_use]
    pub fn report(&self) -> SignerReport {
        self.read(|ring| report(&ring.document, self.place.root.exists()))
    }

    /// Takes up what others wrote into the file, and makes a successor when it is time.
    ///
    /// # Errors
    /// When the files cannot be read or written; the keys stay as they were.
    pub fn refresh(&self) -> Result<()> {
        let now = self.clock.now();
        let is_fresh = self.read(|ring| {
            ring.written_at.is_some()
                && ring.written_at == signer_file::written_at(&self.place.command)
                && !is_due(&ring.document, now)
        });
        if is_fresh {
            return Ok(());
        }
        let ring = Ring::read(&self.place, now)?;
        if ring.document.root_public != self.root_public() {
            return Err(Error::Internal(format!(
                "{} has another root now; the server goes on with the one that it was started with",
                self.place.command.display()
            )));
        }
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }

    fn seal(&self, purpose: Purpose, document: &impl Serialize) -> Result<Envelope> {
        let now = self.clock.now();
        self.read(|ring| {
            let held = ring.document.keys.iter().find(|held| held.signs_at(now)).ok_or_else(over)?;
            held.key
                .seal(purpose, document, vec![held.grant.clone()])
                .map_err(|error| Error::Internal(format!("signing: {error}")))
        })
    }

    fn read<T>(&self, of: impl FnOnce(&Ring) -> T) -> T {
        of(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Ring {
    fn read(place: &SignerPlace, now: DateTime<Utc>) -> Result<Self> {
        let found = signer_file::read(&place.command)?;
        let document = match found {
            Some(document) if is_due(&document, now) => match root_of(place, &document)? {
                Some(root) => grant(place, document, &root, now)?,
                None => document,
            },
            Some(document) => document,
            None => {
                let root = SealKey::from_seed(&keys::seed_in(&place.root)?);
                let empty = Document { root_public: root.public(), keys: Vec::new() };
                grant(place, empty, &root, now)?
            }
        };
        Ok(Self { document, written_at: signer_file::written_at(&place.command) })
    }
}

/// How the keys stand; makes nothing. `None`: there are none yet.
///
/// # Errors
/// When they cannot be read.
pub fn report_at(place: &SignerPlace) -> Result<Option<SignerReport>> {
    let found = signer_file::read(&place.command)?;
    Ok(found.map(|document| report(&document, place.root.exists())))
}

/// Makes another command key now, with the root that lies beside it or in this file. The former ones stay good until
/// their time is over, and servers that run take the new one up within a minute.
///
/// # Errors
/// When the root is not there, or is not that of these keys.
pub fn rotate(place: &SignerPlace, root_file: Option<&Path>, clock: &dyn Clock) -> Result<SignerReport> {
    let document = signer_file::read(&place.command)?.ok_or_else(|| {
        Error::Internal(format!("there are no command keys at {}", place.command.display()))
    })?;
    let at = SignerPlace {
        root: root_file.map_or_else(|| place.root.clone(), Path::to_owned),
        command: place.command.clone(),
    };
    let root = root_of(&at, &document)?.ok_or_else(|| {
        Error::Internal(format!("the root key {} is not there; say where it is", at.root.display()))
    })?;
    let document = grant(&at, document, &root, clock.now())?;
    Ok(report(&document, place.root.exists()))
}

/// The root, where it is there; refused when it is another's.
fn root_of(place: &SignerPlace, document: &Document) -> Result<Option<SealKey>> {
    if !place.root.exists() {
        return Ok(None);
    }
    let root = SealKey::from_seed(&keys::read_seed(&place.root)?);
    if root.public() != document.root_public {
        return Err(Error::Internal(format!(
            "{} is not the root of the keys in {}",
            place.root.display(),
            place.command.display()
        )));
    }
    Ok(Some(root))
}

/// A new key that the root lets sign, before all others.
fn grant(
    place: &SignerPlace,
    mut document: Document,
    root: &SealKey,
    now: DateTime<Utc>,
) -> Result<Document> {
    document.keys.retain(|held| held.not_after > now);
    document.keys.insert(0, Held::make(root, now - BEHIND, now + TimeDelta::days(GRANT_DAYS))?);
    document.keys.truncate(KEYS_MAX);
    signer_file::write(&place.command, &document)?;
    Ok(document)
}

fn is_due(document: &Document, now: DateTime<Utc>) -> bool {
    document.keys.iter().all(|held| held.not_after - now < TimeDelta::days(RENEW_DAYS))
}

fn report(document: &Document, has_root: bool) -> SignerReport {
    let keys = document.keys.iter().map(|held| GrantedKey {
        keyid: held.key.keyid().to_owned(),
        not_before: held.not_before,
        not_after: held.not_after,
    });
    SignerReport { root_public: BASE64_STANDARD.encode(document.root_public), has_root, keys: keys.collect() }
}

fn over() -> Error {
    let detail = "The server's command key is over: its root key is kept elsewhere. `reeve command-key rotate --root \
                  FILE` makes another one; then this goes on.";
    Problem::new(ProblemCode::Unavailable, detail).into()
}

#[cfg(test)]
mod tests;
