//! `reeve verify bundle`: checks the evidence of a command with public keys alone. No database, no data folder, no network.

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::Args;
use domain::command::evidence_check::{FILE_BYTES_MAX, Found, check};
use std::{
    fs::File,
    io::{self, Read as _, Write},
    path::PathBuf,
};

/// Which file, and what is known from elsewhere.
#[derive(Args)]
pub(super) struct Bundle {
    /// The file that was downloaded.
    file: PathBuf,
    /// The root's public key, as `reeve command-key show` prints it on the server. Without it the file's own word for it is
    /// taken, and whose it is remains to be compared.
    #[arg(long, value_name = "BASE64")]
    root: Option<String>,
}

/// Says each thing that was checked; fails when one of them is not as it has to be.
pub(super) fn verify(options: &Bundle) -> Result<()> {
    let root = options.root.as_deref().map(public_key).transpose()?;
    let file = &options.file;
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let checks = check(&bytes, root);
    let mut out = io::stdout();
    for check in &checks.list {
        let word = match check.found {
            Found::Good => "good",
            Found::Bad => "BAD",
            Found::Note => "note",
        };
        writeln!(out, "{word:<5} {}", check.what)?;
    }
    if root.is_none() {
        let advice = "The root is the file's own word: compare it with `reeve command-key show`, or give it with --root.";
        writeln!(out, "note  {advice}")?;
    }
    out.flush()?;
    if checks.is_good() { Ok(()) } else { bail!("{} is not what Reeve made", file.display()) }
}

fn public_key(text: &str) -> Result<[u8; 32]> {
    let bytes = BASE64_STANDARD.decode(text.trim()).unwrap_or_default();
    ensure!(bytes.len() == 32, "--root must be a public key: 32 bytes as base64");
    Ok(bytes.try_into().unwrap_or_default())
}
