//! Showing what is in a file, whatever it is. Checks no signature, and says so.

use crate::{arguments::Inspect, difference::place, file, log::Log, root::describe, say};
use anyhow::{Context as _, Result, bail};
use entity::release::{
    Document as _, Manifest, PublicKey, Receipt, Root, Sha256Hex, Timestamp, Unverified, look,
    program::{HEAD_BYTES, platform},
    stamp::{Stamp, StampError},
};
use serde::de::DeserializeOwned;
use std::fmt::Write as _;

/// `inspect`.
pub fn inspect(given: &Inspect) -> Result<()> {
    let shown = given.file.display();
    let bytes = file::program(&given.file)?;
    if let Some(text) = program(&bytes) {
        return say(&text);
    }
    let text = std::str::from_utf8(&bytes).ok().map(str::trim);
    let text =
        text.with_context(|| format!("{shown}: is neither a program nor a document that Reeve knows"))?;
    if let Ok(inside) = look(text) {
        return say(&envelope(&inside).with_context(|| format!("{shown}"))?);
    }
    if let Ok(key) = serde_json::from_str::<PublicKey>(text) {
        return say(&format!("public key\nkeyid   {}\nholder  {}", key.keyid, key.holder));
    }
    let log = Log::of(&given.file).with_context(|| format!("{shown}: is no document that Reeve knows"))?;
    let mut told = format!("record of {} signatures, whose chain is whole", log.entries.len());
    for entry in &log.entries {
        let (seq, version, channel) = (entry.seq, &entry.version, entry.channel.word());
        write!(
            told,
            "\n{:>4}  {}  seq {seq}  {version}  {channel}  {}",
            entry.n, entry.at, entry.manifest_sha256
        )?;
    }
    say(&told)
}

fn program(bytes: &[u8]) -> Option<String> {
    let platform = platform(bytes.get(..HEAD_BYTES.min(bytes.len()))?)?;
    let libc = platform.libc.map(|libc| format!(" {}", libc.word())).unwrap_or_default();
    let mut text = format!(
        "program for {} {}{libc}\nsha256      {}\nsize        {} bytes\n",
        platform.os.word(),
        platform.arch.word(),
        Sha256Hex::of(bytes),
        bytes.len()
    );
    match Stamp::find(bytes) {
        Ok((_, stamp)) => {
            let built = stamp.build_time.map_or_else(|| "not said".to_owned(), |time| time.to_string());
            let Stamp { version, seq, build_id, .. } = stamp;
            let _ = write!(
                text,
                "version     {version}\nseq         {seq}\nbuild       {build_id}\nbuilt       {built}"
            );
        }
        Err(StampError::Missing) => text.push_str("no build stamp"),
        Err(error) => {
            let _ = write!(text, "{error}");
        }
    }
    Some(text)
}

fn envelope(inside: &Unverified) -> Result<String> {
    let document = match inside.payload_type.as_str() {
        Root::PAYLOAD_TYPE => describe(&read(inside)?),
        Manifest::PAYLOAD_TYPE => manifest(&read(inside)?),
        Timestamp::PAYLOAD_TYPE => format!("{:#}\n", serde_json::to_value(read::<Timestamp>(inside)?)?),
        Receipt::PAYLOAD_TYPE => format!("{:#}\n", serde_json::to_value(read::<Receipt>(inside)?)?),
        other => bail!("payloadType {other:?} is of no document that Reeve knows"),
    };
    let mut text = document;
    writeln!(text, "fingerprint  {}", Sha256Hex::of(&inside.payload))?;
    for keyid in &inside.keyids {
        writeln!(text, "signature    by {keyid:?}, as it says")?;
    }
    text.push_str("No signature was checked; see `reeve-release verify`.");
    Ok(text)
}

fn read<T: DeserializeOwned>(inside: &Unverified) -> Result<T> {
    serde_json::from_slice(&inside.payload).context("what is inside cannot be read")
}

fn manifest(manifest: &Manifest) -> String {
    let mut text = crate::difference::difference(None, manifest);
    if !manifest.notes.is_empty() {
        text.push_str("notes:\n");
        // Control characters could change what a terminal shows of the rest.
        let notes: String = manifest
            .notes
            .chars()
            .map(|one| if one.is_control() && one != '\n' { '\u{fffd}' } else { one })
            .collect();
        text.push_str(&notes);
        text.push('\n');
    }
    let places: Vec<String> = manifest.artifacts.iter().map(place).collect();
    let _ = writeln!(text, "platforms    {}", places.join(", "));
    text
}
