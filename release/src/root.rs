//! Making roots: the first one, the one that follows, and the signatures that are still missing.

use crate::{
    arguments::{Keys, Make, Rotate, SignRoot, Signing},
    file::{self, Readers},
    key, say,
};
use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use entity::release::{
    PRODUCT, PublicKey, Role, RoleKeys, Root, SPEC, Sha256Hex, next_root, open_root, read_unsigned_root,
    root_fingerprint, signed_by,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// Reads a root that is signed by its own threshold.
pub fn opened(path: &Path) -> Result<Root> {
    open_root(&file::text(path)?).map_err(|reason| anyhow::anyhow!("{}: {}", path.display(), reason.label()))
}

/// `root make`.
pub fn make(given: &Make) -> Result<()> {
    let mut root = Root {
        spec: SPEC,
        product: PRODUCT.to_owned(),
        version: 1,
        issued: given.signing.issued(),
        expires: expires(&given.signing, given.expires_days),
        keys: Vec::new(),
        roles: BTreeMap::new(),
        ext: BTreeMap::new(),
    };
    for (role, files, threshold) in asked(&given.keys) {
        if files.is_empty() {
            bail!("--{}-key: at least one is needed", role.word());
        }
        set_role(&mut root, role, files, threshold)?;
    }
    write(&root, None, &given.signing)
}

/// `root rotate`.
pub fn rotate(given: &Rotate) -> Result<()> {
    let before = opened(&given.from)?;
    let mut root = Root {
        version: before.version + 1,
        issued: given.signing.issued(),
        expires: expires(&given.signing, given.expires_days),
        ..before.clone()
    };
    for (role, files, threshold) in asked(&given.keys) {
        if !files.is_empty() {
            set_role(&mut root, role, files, threshold)?;
        } else if let (Some(threshold), Some(keys)) = (threshold, root.roles.get_mut(&role)) {
            keys.threshold = threshold;
        }
    }
    // Keys that no role has any more are not carried along.
    let named: BTreeSet<Sha256Hex> =
        root.roles.values().flat_map(|keys| keys.keyids.iter().cloned()).collect();
    root.keys.retain(|key| named.contains(&key.keyid));
    write(&root, Some(&before), &given.signing)
}

/// `root sign`.
pub fn sign(given: &SignRoot) -> Result<()> {
    let shown = given.root.display();
    let before = given.from.as_deref().map(opened).transpose()?;
    let envelope = file::text(&given.root)?;
    let root =
        read_unsigned_root(&envelope).map_err(|reason| anyhow::anyhow!("{shown}: {}", reason.label()))?;
    let signer = key::signer(&given.key)?;
    let is_root_key =
        |root: &Root| root.roles.get(&Role::Root).is_some_and(|keys| keys.keyids.contains(signer.keyid()));
    if !is_root_key(&root) && !before.as_ref().is_some_and(is_root_key) {
        bail!("{}: is a root key neither of this root nor of the one before (--from)", given.key.display());
    }
    let envelope = signer.add_signature(&envelope).with_context(|| format!("{shown}"))?;
    file::replace(&given.root, &(envelope.clone() + "\n"))?;
    say(&told(&root, before.as_ref(), &envelope)?)
}

fn expires(signing: &Signing, days: u32) -> DateTime<Utc> {
    signing.issued() + TimeDelta::days(days.into())
}

fn asked(keys: &Keys) -> [(Role, &[PathBuf], Option<u8>); 3] {
    [
        (Role::Root, keys.root_key.as_slice(), keys.root_threshold),
        (Role::Release, keys.release_key.as_slice(), keys.release_threshold),
        (Role::Freshness, keys.freshness_key.as_slice(), keys.freshness_threshold),
    ]
}

fn set_role(root: &mut Root, role: Role, files: &[PathBuf], threshold: Option<u8>) -> Result<()> {
    let keys = files.iter().map(|path| key::public(path)).collect::<Result<Vec<PublicKey>>>()?;
    let before = root.roles.get(&role).map(|keys| keys.threshold);
    let usual = if role == Role::Root { 2 } else { 1 };
    let threshold = threshold.or(before).unwrap_or(usual);
    root.roles
        .insert(role, RoleKeys { keyids: keys.iter().map(|key| key.keyid.clone()).collect(), threshold });
    for key in keys {
        root.keys.retain(|other| other.keyid != key.keyid);
        root.keys.push(key);
    }
    Ok(())
}

fn write(root: &Root, before: Option<&Root>, signing: &Signing) -> Result<()> {
    let mut envelope: Option<String> = None;
    for path in &signing.key {
        let signer = key::signer(path)?;
        let is_root_key = |root: &Root| {
            root.roles.get(&Role::Root).is_some_and(|keys| keys.keyids.contains(signer.keyid()))
        };
        if !is_root_key(root) && !before.is_some_and(is_root_key) {
            bail!("{}: is no root key of this root or the one before", path.display());
        }
        envelope = Some(match envelope {
            None => signer.sign(root)?,
            Some(envelope) => signer.add_signature(&envelope)?,
        });
    }
    let envelope = envelope.context("--key: at least one is needed")?;
    file::create(&signing.out, (envelope.clone() + "\n").as_bytes(), Readers::Usual)?;
    say(&told(root, before, &envelope)?)
}

/// What the root is, and which signatures it still lacks.
fn told(root: &Root, before: Option<&Root>, envelope: &str) -> Result<String> {
    let mut text = describe(root);
    let fingerprint = root_fingerprint(envelope).map_err(|reason| anyhow::anyhow!("{}", reason.label()))?;
    write!(text, "fingerprint  {fingerprint}")?;
    let own = open_root(envelope);
    write!(text, "\nsigned by    {} ({})", tally(root, envelope)?, word(own.is_ok()))?;
    if let Some(before) = before {
        let follows = next_root(before, envelope).is_ok();
        write!(text, "\nroot {:<8}{} ({})", before.version, tally(before, envelope)?, word(follows))?;
    } else if root.version > 1 {
        text.push_str("\nGive --from to see whether the root before has signed it too.");
    }
    Ok(text)
}

const fn word(is_good: bool) -> &'static str {
    if is_good { "complete" } else { "not complete" }
}

/// How many of the root keys have signed.
fn tally(root: &Root, envelope: &str) -> Result<String> {
    let keys = root.roles.get(&Role::Root).context("the root has no root keys")?;
    let signed = signed_by(root, envelope).map_err(|reason| anyhow::anyhow!("{}", reason.label()))?;
    let holders: Vec<&str> =
        signed.iter().filter(|key| keys.keyids.contains(&key.keyid)).map(|key| key.holder.as_str()).collect();
    let names = if holders.is_empty() { "nobody".to_owned() } else { holders.join(", ") };
    Ok(format!("{} of the {} that are needed: {names}", holders.len(), keys.threshold))
}

/// A root for people.
pub fn describe(root: &Root) -> String {
    let mut text = format!("root {}, issued {}, expires {}\n", root.version, root.issued, root.expires);
    for (role, keys) in &root.roles {
        text.push_str(&format!("  {}: {} of {}\n", role.word(), keys.threshold, keys.keyids.len()));
        for keyid in &keys.keyids {
            let holder =
                root.keys.iter().find(|key| key.keyid == *keyid).map_or("?", |key| key.holder.as_str());
            text.push_str(&format!("    {keyid}  {holder}\n"));
        }
    }
    text
}
