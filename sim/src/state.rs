//! The identities of a fleet between runs, in a file that only its owner can read: it holds the device keys.

use crate::{Key, agent::Identity};
use anyhow::{Context as _, Result};
use entity::id::{BusinessId, DeviceId};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

/// What a file keeps.
#[derive(Debug, Default)]
pub struct State {
    /// Who the agents are.
    pub identities: Vec<Identity>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    device: DeviceId,
    key: String,
    business: BusinessId,
    number: u16,
}

impl State {
    /// Reads a file; nothing when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        let lines: Vec<Line> =
            serde_json::from_slice(&bytes).with_context(|| format!("{} is no state file", path.display()))?;
        let identity = |line: Line| {
            let key = Key::from_hex(&line.key).context("a key in the state file is broken")?;
            Ok(Identity { device: line.device, key, business: line.business, number: line.number })
        };
        Ok(Self { identities: lines.into_iter().map(identity).collect::<Result<_>>()? })
    }

    /// Writes a file, all or nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let lines: Vec<Line> = self
            .identities
            .iter()
            .map(|identity| Line {
                device: identity.device,
                key: identity.key.to_hex(),
                business: identity.business,
                number: identity.number,
            })
            .collect();
        let beside = path.with_extension("new");
        let writing = || format!("{} cannot be written", beside.display());
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside).with_context(writing)?;
        file.write_all(&serde_json::to_vec(&lines)?).with_context(writing)?;
        file.sync_all().with_context(writing)?;
        fs::rename(&beside, path).with_context(writing)
    }
}
