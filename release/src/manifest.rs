//! Signing releases: from what was built and the release before to a manifest, with everything that must not go back.

use crate::{
    arguments::{AddSignature, Renew, Sign},
    difference::{difference, place},
    file::{self, Readers},
    key,
    log::Log,
    root, say,
};
use anyhow::{Context as _, Result, bail};
use chrono::TimeDelta;
use entity::release::{
    Artifact, ArtifactKind, Manifest, NOTES_BYTES_MAX, PRODUCT, Role, Root, SPEC, Sha256Hex, Shape as _,
    Signer, look, open_manifest,
    program::{HEAD_BYTES, platform},
    signed_by,
    stamp::Stamp,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// `sign`.
pub fn sign(given: &Sign) -> Result<()> {
    let root = root::opened(&given.root)?;
    let log = Log::read(&given.log)?;
    let previous = given.previous.as_deref().map(|path| signed_here(path, &given.log, &log)).transpose()?;
    if given.first && !log.entries.is_empty() {
        bail!(
            "--first: {} names {} signatures already; give --previous",
            given.log.display(),
            log.entries.len()
        );
    }
    let floor = log.highest_seq().max(previous.as_ref().map_or(0, |before| before.seq));
    if given.seq <= floor {
        bail!("--seq {}: must be higher than {floor}, the highest that was signed", given.seq);
    }
    if let Some(before) = &previous
        && given.version <= before.version
    {
        bail!(
            "--version {}: must be higher than {}, the version of the release before; older programs come back stamped anew",
            given.version,
            before.version
        );
    }
    let manifest = made(given, previous.as_ref())?;
    manifest.check().context("the manifest would be refused")?;
    say(&difference(previous.as_ref(), &manifest))?;
    if given.dry_run {
        return say("nothing was signed (--dry-run)");
    }
    hand_out(&root, &manifest, &given.signing.key, &given.signing.out, (given.log.as_path(), &log))
}

/// `renew`.
pub fn renew(given: &Renew) -> Result<()> {
    let root = root::opened(&given.root)?;
    let log = Log::of(&given.log)?;
    let before = signed_here(&given.manifest, &given.log, &log)?;
    if log.highest_seq() > before.seq {
        bail!(
            "{}: seq {} is not the newest; {} was signed after it",
            given.manifest.display(),
            before.seq,
            log.highest_seq()
        );
    }
    let issued = given.signing.issued();
    let manifest =
        Manifest { issued, expires: issued + TimeDelta::days(given.expires_days.into()), ..before.clone() };
    if manifest.expires <= before.expires {
        bail!("--expires-days: must be later than {}, which it has already", before.expires);
    }
    manifest.check().context("the manifest would be refused")?;
    say(&difference(Some(&before), &manifest))?;
    hand_out(&root, &manifest, &given.signing.key, &given.signing.out, (given.log.as_path(), &log))
}

/// `add-signature`.
pub fn add_signature(given: &AddSignature) -> Result<()> {
    let shown = given.manifest.display();
    let root = root::opened(&given.root)?;
    let signer = release_signer(&root, &given.key)?;
    // Read, so that nobody signs what no device takes.
    let manifest = unverified(&given.manifest)?;
    let envelope = file::text(&given.manifest)?;
    let envelope = signer.add_signature(&envelope).with_context(|| format!("{shown}"))?;
    file::replace(&given.manifest, &(envelope.clone() + "\n"))?;
    say(&format!("{} (seq {}): {}", manifest.version, manifest.seq, standing(&root, &envelope)?))
}

/// Signs, writes the signature down, and only then hands it out: what is out is in the log.
fn hand_out(
    root: &Root,
    manifest: &Manifest,
    keys: &[PathBuf],
    out: &Path,
    log: (&Path, &Log),
) -> Result<()> {
    if out.try_exists().unwrap_or(true) {
        bail!("{}: is there already, and nothing is ever written over", out.display());
    }
    let mut envelope: Option<String> = None;
    for path in keys {
        let signer = release_signer(root, path)?;
        envelope = Some(match envelope {
            None => signer.sign(manifest)?,
            Some(envelope) => signer.add_signature(&envelope)?,
        });
    }
    let envelope = envelope.context("--key: at least one is needed")?;
    let payload = look(&envelope).map_err(|reason| refused(out, reason))?.payload;
    let (path, log) = log;
    log.append(path, manifest, Sha256Hex::of(&payload))?;
    file::create(out, (envelope.clone() + "\n").as_bytes(), Readers::Usual)?;
    say(&format!("wrote {}: {}", out.display(), standing(root, &envelope)?))
}

fn release_signer(root: &Root, path: &Path) -> Result<Signer> {
    let signer = key::signer(path)?;
    let is_release_key =
        root.roles.get(&Role::Release).is_some_and(|keys| keys.keyids.contains(signer.keyid()));
    if is_release_key {
        Ok(signer)
    } else {
        bail!("{}: root {} does not let this key sign releases", path.display(), root.version)
    }
}

/// Whether enough keys have signed.
fn standing(root: &Root, envelope: &str) -> Result<String> {
    let keys = root.roles.get(&Role::Release).context("the root has no release keys")?;
    let signed = signed_by(root, envelope).map_err(|reason| anyhow::anyhow!("{}", reason.label()))?;
    let count = signed.iter().filter(|key| keys.keyids.contains(&key.keyid)).count();
    let word =
        if open_manifest(root, envelope).is_ok() { "complete" } else { "not complete; see add-signature" };
    Ok(format!("signed by {count} of the {} that are needed ({word})", keys.threshold))
}

/// Reads a manifest without asking who signed it.
pub fn unverified(path: &Path) -> Result<Manifest> {
    read(path).map(|(manifest, _)| manifest)
}

/// Reads a manifest that the log names. That counts and not its signature, whose key may be gone since.
fn signed_here(path: &Path, log_path: &Path, log: &Log) -> Result<Manifest> {
    let (manifest, sha256) = read(path)?;
    if !log.names(&sha256) {
        bail!("{}: {} does not name it, so it was not signed here", path.display(), log_path.display());
    }
    Ok(manifest)
}

fn read(path: &Path) -> Result<(Manifest, Sha256Hex)> {
    let shown = path.display();
    let inside = look(&file::text(path)?).map_err(|reason| refused(path, reason))?;
    let manifest: Manifest =
        serde_json::from_slice(&inside.payload).with_context(|| format!("{shown}: is no manifest"))?;
    manifest.check().with_context(|| format!("{shown}"))?;
    Ok((manifest, Sha256Hex::of(&inside.payload)))
}

fn refused(path: &Path, reason: entity::release::Reason) -> anyhow::Error {
    anyhow::anyhow!("{}: {}", path.display(), reason.label())
}

fn made(given: &Sign, before: Option<&Manifest>) -> Result<Manifest> {
    let issued = given.signing.issued();
    let notes = given.notes_file.as_deref().map(notes).transpose()?.unwrap_or_default();
    let mut revoked = before.map(|before| before.revoked.clone()).unwrap_or_default();
    for sha256 in &given.revoke {
        if !revoked.contains(sha256) {
            revoked.push(sha256.clone());
        }
    }
    let last = before.and_then(|before| before.artifacts.first());
    let schema = |given: Option<u64>, before: Option<u64>, name: &str| {
        given
            .or(before)
            .with_context(|| format!("--{name}: is needed, there is no release before to take it from"))
    };
    let schemas = (
        schema(given.config_schema, last.map(|last| last.config_schema), "config-schema")?,
        schema(given.spool_schema, last.map(|last| last.spool_schema), "spool-schema")?,
    );
    let agents = given.agent.iter().map(|path| (ArtifactKind::Agent, path));
    let supervisors = given.supervisor.iter().map(|path| (ArtifactKind::Supervisor, path));
    let mut artifacts: Vec<Artifact> = Vec::new();
    for (kind, path) in agents.chain(supervisors) {
        let artifact = artifact(given, kind, path, schemas)?;
        if let Some(other) = artifacts.iter().find(|other| place(other) == place(&artifact)) {
            bail!("{}: is a second {}, beside {}", path.display(), place(&artifact), other.sha256);
        }
        artifacts.push(artifact);
    }
    Ok(Manifest {
        spec: SPEC,
        product: PRODUCT.to_owned(),
        channel: given.channel,
        seq: given.seq,
        version: given.version.clone(),
        issued,
        expires: issued + TimeDelta::days(given.expires_days.into()),
        min_from: given.min_from.or(before.map(|before| before.min_from)).unwrap_or(0),
        min_secure: given.min_secure.or(before.map(|before| before.min_secure)).unwrap_or(0),
        revoked,
        artifacts,
        notes,
        ext: BTreeMap::new(),
    })
}

fn notes(path: &Path) -> Result<String> {
    let bytes = file::limited(path, NOTES_BYTES_MAX as u64)?;
    String::from_utf8(bytes).with_context(|| format!("{}: is no text", path.display()))
}

/// What a program is, as its own bytes say; what they say has to be what is being released.
fn artifact(given: &Sign, kind: ArtifactKind, path: &Path, schemas: (u64, u64)) -> Result<Artifact> {
    let shown = path.display();
    let bytes = file::program(path)?;
    let head = bytes.get(..HEAD_BYTES.min(bytes.len())).unwrap_or_default();
    let platform =
        platform(head).with_context(|| format!("{shown}: is no program for a system that Reeve runs on"))?;
    let (_, stamp) = Stamp::find(&bytes).with_context(|| format!("{shown}"))?;
    // A device goes back by itself when what it started says that it is something else.
    if stamp.seq != given.seq || stamp.version != given.version.as_str() {
        bail!(
            "{shown}: its stamp says version {} and seq {}, not {} and {}; see `reeve-release stamp`",
            stamp.version,
            stamp.seq,
            given.version,
            given.seq
        );
    }
    Ok(Artifact {
        kind,
        os: platform.os,
        arch: platform.arch,
        libc: platform.libc,
        size_bytes: bytes.len() as u64,
        sha256: Sha256Hex::of(&bytes),
        build_id: stamp.build_id,
        config_schema: schemas.0,
        spool_schema: schemas.1,
    })
}
