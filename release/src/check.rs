//! Checking what was signed: as a device does, from the root that is trusted to the bytes of a program.

use crate::{arguments::Verify, difference::place, file, log::Log, say};
use anyhow::{Context as _, Result, anyhow, bail};
use chrono::Utc;
use entity::release::{Opened, Root, Sha256Hex, next_root, open_manifest, open_root, root_fingerprint};
use std::path::Path;

/// `verify`.
pub fn verify(given: &Verify) -> Result<()> {
    let at = given.at.unwrap_or_else(Utc::now);
    let root = chain(given)?;
    if root.expires <= at {
        bail!("root {} is out of date since {}", root.version, root.expires);
    }
    say(&format!("root {}: good until {}", root.version, root.expires))?;
    let log = given.log.as_deref().map(Log::of).transpose()?;
    if let Some(log) = &log {
        say(&format!("log: {} signatures, chain whole", log.entries.len()))?;
    }
    let Some(path) = &given.manifest else { return Ok(()) };
    let Opened { document: manifest, payload_sha256 } =
        open_manifest(&root, &file::text(path)?).map_err(|reason| refused(path, reason.label()))?;
    if manifest.expires <= at {
        bail!("{}: is out of date since {}", path.display(), manifest.expires);
    }
    if log.is_some_and(|log| !log.names(&payload_sha256)) {
        bail!("{}: the log does not name it: somebody signed it in silence", path.display());
    }
    say(&format!("manifest {} (seq {}): good until {}", manifest.version, manifest.seq, manifest.expires))?;
    for path in &given.artifact {
        let bytes = file::program(path)?;
        let sha256 = Sha256Hex::of(&bytes);
        let artifact = manifest
            .artifacts
            .iter()
            .find(|one| one.sha256 == sha256 && one.size_bytes == bytes.len() as u64);
        let artifact =
            artifact.with_context(|| format!("{}: the manifest does not name it", path.display()))?;
        say(&format!("{}: {}", path.display(), place(artifact)))?;
    }
    Ok(())
}

/// Walks from the first root to the last.
fn chain(given: &Verify) -> Result<Root> {
    let mut trusted: Option<Root> = None;
    for path in &given.root {
        let envelope = file::text(path)?;
        let root = match &trusted {
            None => {
                let fingerprint =
                    root_fingerprint(&envelope).map_err(|reason| refused(path, reason.label()))?;
                if given.fingerprint.as_ref().is_some_and(|expected| *expected != fingerprint) {
                    bail!("{}: has the fingerprint {fingerprint}, another one", path.display());
                }
                open_root(&envelope)
            }
            Some(before) => next_root(before, &envelope),
        };
        trusted = Some(root.map_err(|reason| refused(path, reason.label()))?);
    }
    trusted.context("--root: at least one is needed")
}

fn refused(path: &Path, why: &str) -> anyhow::Error {
    anyhow!("{}: {why}", path.display())
}
