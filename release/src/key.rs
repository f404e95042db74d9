//! Key files. A private part is JSON that its owner alone may read; it is not encrypted, so the medium has to be.

use crate::{
    arguments::Keygen,
    file::{self, Readers},
    say,
};
use anyhow::{Context as _, Result, anyhow, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use entity::release::{HOLDER_MAX, PublicKey, Signer};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Largest key file.
const KEY_BYTES_MAX: u64 = 4096;

/// A private part as it lies in its file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PrivateKey {
    /// Says in the file itself what must not be handed on.
    kind: Kind,
    /// Seed of an Ed25519 key, 32 bytes as base64.
    seed: String,
    /// Who holds it.
    holder: String,
}

#[derive(Serialize, Deserialize)]
enum Kind {
    #[serde(rename = "reeve private release key; never leaves its holder")]
    Private,
}

/// `keygen`.
pub fn generate(given: &Keygen) -> Result<()> {
    let holder = given.holder.trim();
    if holder.is_empty() || holder.chars().count() > HOLDER_MAX || holder.chars().any(char::is_control) {
        bail!("--holder: must be one line of 1 to {HOLDER_MAX} characters");
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow!("the system gives no random numbers: {error}"))?;
    let signer = Signer::from_seed(&seed);
    let private =
        PrivateKey { kind: Kind::Private, seed: BASE64_STANDARD.encode(seed), holder: holder.to_owned() };
    let public = signer.public_key(holder);
    let public_file = public_file(&given.out);
    // The public part first: a private part without it would be of no use and could not be made again.
    file::create(&public_file, json_line(&public)?.as_bytes(), Readers::Usual)?;
    file::create(&given.out, json_line(&private)?.as_bytes(), Readers::Owner)
        .inspect_err(|_| drop(std::fs::remove_file(&public_file)))?;
    let mode =
        if cfg!(unix) { "only you may read it" } else { "everybody who may read the folder may read it" };
    say(&format!(
        "keyid    {}\npublic   {}\nprivate  {} is not encrypted; {mode}: keep it on a medium that is, and make a copy",
        public.keyid,
        public_file.display(),
        given.out.display(),
    ))
}

fn public_file(private: &Path) -> PathBuf {
    let mut name = private.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

fn json_line(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(value)? + "\n")
}

/// Reads a private key; refuses one that others may read.
pub fn signer(path: &Path) -> Result<Signer> {
    let shown = path.display();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path)
            .with_context(|| format!("{shown}: cannot be opened"))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            bail!(
                "{shown}: others may read this private key; `chmod 600` it, and think about who may have it now"
            );
        }
    }
    let bytes = file::limited(path, KEY_BYTES_MAX)?;
    // Whatever is wrong with it is not said with its words in it.
    let private: PrivateKey = serde_json::from_slice(&bytes)
        .map_err(|_| anyhow!("{shown}: is no private key that keygen wrote"))?;
    let seed = BASE64_STANDARD.decode(&private.seed).ok().and_then(|seed| <[u8; 32]>::try_from(seed).ok());
    let seed = seed.with_context(|| format!("{shown}: seed must be 32 bytes as base64"))?;
    Ok(Signer::from_seed(&seed))
}

/// Reads a public key.
pub fn public(path: &Path) -> Result<PublicKey> {
    let shown = path.display();
    let bytes = file::limited(path, KEY_BYTES_MAX)?;
    serde_json::from_slice(&bytes)
        .with_context(|| format!("{shown}: is no public key (keyid, public_key, holder)"))
}
