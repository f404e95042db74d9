//! What a release changes, for the person who is about to sign it.

use entity::release::{Artifact, Manifest};
use std::fmt::Write as _;

/// Both manifests side by side; the one before may be missing.
pub fn difference(before: Option<&Manifest>, after: &Manifest) -> String {
    let mut text = String::new();
    let mut line = |name: &str, old: Option<String>, new: String| {
        let told = match old {
            Some(old) if old != new => format!("{old} → {new}"),
            _ => new,
        };
        // A string takes all that is written to it.
        let _ = writeln!(text, "{name:<12}{told}");
    };
    let old = |of: &dyn Fn(&Manifest) -> String| before.map(of);
    let mut both = |name: &str, of: &dyn Fn(&Manifest) -> String| line(name, old(of), of(after));
    both("version", &|one| one.version.to_string());
    both("seq", &|one| one.seq.to_string());
    both("channel", &|one| one.channel.word().to_owned());
    both("issued", &|one| one.issued.to_string());
    both("expires", &|one| one.expires.to_string());
    both("min_from", &|one| one.min_from.to_string());
    both("min_secure", &|one| one.min_secure.to_string());
    both("revoked", &|one| one.revoked.len().to_string());
    both("notes", &|one| format!("{} bytes", one.notes.len()));
    for revoked in &after.revoked {
        if before.is_none_or(|before| !before.revoked.contains(revoked)) {
            let _ = writeln!(text, "  revokes   {revoked}");
        }
    }
    for artifact in &after.artifacts {
        text.push_str(&changed(before.and_then(|before| same_place(before, artifact)), artifact));
    }
    for gone in before.map(|before| before.artifacts.as_slice()).unwrap_or_default() {
        if same_place(after, gone).is_none() {
            let _ = writeln!(text, "gone        {}", place(gone));
        }
    }
    text
}

fn same_place<'a>(manifest: &'a Manifest, one: &Artifact) -> Option<&'a Artifact> {
    manifest.artifact(one.kind, one.os, one.arch, one.libc)
}

/// Which program for which platform.
pub fn place(one: &Artifact) -> String {
    let libc = one.libc.map(|libc| format!(" {}", libc.word())).unwrap_or_default();
    format!("{} {} {}{libc}", one.kind.word(), one.os.word(), one.arch.word())
}

fn changed(before: Option<&Artifact>, after: &Artifact) -> String {
    let word = match before {
        None => "new",
        Some(before) if before.sha256 == after.sha256 => "same",
        Some(_) => "changed",
    };
    let mut text = format!("{word:<12}{}\n", place(after));
    let size = match before {
        Some(before) if before.size_bytes != after.size_bytes => {
            format!("{} → {} bytes", before.size_bytes, after.size_bytes)
        }
        _ => format!("{} bytes", after.size_bytes),
    };
    let _ =
        writeln!(text, "  sha256    {}\n  size      {size}\n  build     {}", after.sha256, after.build_id);
    let schemas = |one: &Artifact| (one.config_schema, one.spool_schema);
    let (config, spool) = schemas(after);
    let note = match before.map(schemas) {
        Some((old_config, old_spool)) if (old_config, old_spool) != (config, spool) => {
            format!(" (before: configuration {old_config}, spool {old_spool})")
        }
        _ => String::new(),
    };
    let _ = writeln!(text, "  schemas   configuration {config}, spool {spool}{note}");
    text
}
