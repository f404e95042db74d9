//! `reeve release`: the server's part of release trust at the command line, for those who have no portal at hand. Works
//! beside a running server.

use super::OnlyData;
use crate::{
    artifacts::Artifacts,
    setting::{Data, Flags},
};
use anyhow::{Context, Result};
use bytes::Bytes;
use clap::{Args, Subcommand};
use domain::{
    Clock as _, Store, SystemCx,
    clock::SystemClock,
    release::{self, ArtifactInput, Upload},
};
use entity::{id::ReleaseId, release::Sha256Hex};
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// How the audit log names whoever does this.
const BY: &str = "the server's command line";
/// Bytes that are read of a file at a time.
const PIECE_BYTES: usize = 1024 * 1024;

/// What is done.
#[derive(Args)]
pub(super) struct Release {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make the key that says that a manifest is still what is meant, if there is none, and print its public part as
    /// `reeve-release root` takes it. It can make nothing runnable.
    FreshnessKey(FreshnessKey),
    /// Trust a root: the first by its fingerprint, each further one because the one before signed it.
    Root(Root),
    /// Bring a signed manifest and the files that it names.
    Import(Import),
}

#[derive(Args)]
struct FreshnessKey {
    /// Who holds it, as people read it in the root.
    #[arg(long, value_name = "NAME", default_value = "server")]
    holder: String,
    #[command(flatten)]
    data: Flags<OnlyData>,
}

#[derive(Args)]
struct Root {
    /// The root, as `reeve-release root` wrote it.
    file: PathBuf,
    /// Its fingerprint, compared with what its makers say. Needed for the first root.
    #[arg(long, value_name = "SHA-256")]
    fingerprint: Option<Sha256Hex>,
    #[command(flatten)]
    data: Flags<OnlyData>,
}

#[derive(Args)]
struct Import {
    /// The manifest, as `reeve-release sign` wrote it.
    manifest: PathBuf,
    /// Files that it names; each is found by its SHA-256.
    files: Vec<PathBuf>,
    #[command(flatten)]
    data: Flags<OnlyData>,
}

/// Does what is asked.
pub(super) async fn release(options: Release) -> Result<()> {
    match options.what {
        What::FreshnessKey(asked) => freshness_key(asked),
        What::Root(asked) => root(asked).await,
        What::Import(asked) => import(asked).await,
    }
}

fn freshness_key(asked: FreshnessKey) -> Result<()> {
    let data = Data::read(&asked.data.gather()?)?;
    super::place::make_private_folder(&data.data_dir)?;
    let key = release::freshness_key(&data.data_dir, &asked.holder)?;
    Ok(writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&key)?)?)
}

async fn root(asked: Root) -> Result<()> {
    let envelope = read_text(&asked.file)?;
    let store = Data::read(&asked.data.gather()?)?.open_existing().await?;
    let cx = SystemCx::new(&store, BY);
    let added = release::add_root_at_terminal(&cx, &envelope, asked.fingerprint.as_ref()).await;
    store.close().await;
    let version = added.context("the root is not trusted")?;
    Ok(writeln!(io::stdout(), "The root {version} is trusted now.")?)
}

async fn import(asked: Import) -> Result<()> {
    let manifest = read_text(&asked.manifest)?;
    let data = Data::read(&asked.data.gather()?)?;
    let store = data.open_existing().await?;
    let done = bring(&store, &data, &manifest, &asked.files).await;
    store.close().await;
    let mut out = io::stdout();
    for line in done? {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

async fn bring(store: &Store, data: &Data, manifest: &str, files: &[PathBuf]) -> Result<Vec<String>> {
    let artifacts = Artifacts::open(&data.artifacts_at(), SystemClock.now().into())?;
    store.set_artifacts(Arc::new(artifacts));
    let cx = SystemCx::new(store, BY);
    let id = release::bring_at_terminal(&cx, manifest).await.context("the manifest is not taken")?;
    let mut lines = Vec::new();
    for file in files {
        let stored = send(&cx, id, file).await.with_context(|| format!("{} is not taken", file.display()))?;
        lines.push(format!("{}: {stored}", file.display()));
    }
    let release = release::get_at_terminal(&cx, id).await?;
    lines.push(format!(
        "Release {} ({}): {} of {} files are here.",
        release.version,
        release.state.label().to_lowercase(),
        release.artifacts_stored,
        release.artifacts
    ));
    Ok(lines)
}

/// Reads a file twice: once to know which it is, once to bring it.
async fn send(cx: &SystemCx, id: ReleaseId, file: &Path) -> Result<&'static str> {
    let sha256 = Sha256Hex::try_from(digest(file)?).map_err(anyhow::Error::msg)?;
    let about = ArtifactInput { sha256: Some(sha256), ..ArtifactInput::default() };
    let mut upload = Upload::begin_at_terminal(cx, id, &about).await?;
    let mut from = fs::File::open(file)?;
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        let length = from.read(&mut piece)?;
        if length == 0 {
            break;
        }
        piece.truncate(length);
        upload.write(Bytes::from(piece)).await?;
    }
    let (_, stored) = upload.finish().await?;
    Ok(if stored.is_new { "stored" } else { "was here already" })
}

fn digest(file: &Path) -> io::Result<String> {
    let (mut from, mut hash, mut piece) = (fs::File::open(file)?, Sha256::new(), vec![0; PIECE_BYTES]);
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(hex::encode(hash.finalize())),
            length => hash.update(&piece[..length]),
        }
    }
}

fn read_text(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}
