//! Files as the browser reads them, piece by piece: their digest while they are read, what they are for, and what a
//! signed manifest says. Nothing is believed because of it: the server looks at everything itself.

use entity::{
    input::NAME_MAX,
    release::{
        ARTIFACT_BYTES_MAX, MANIFEST_BYTES_MAX, Manifest, Sha256Hex,
        program::{self, HEAD_BYTES, Platform},
    },
};
use js_sys::Uint8Array;
use leptos::prelude::*;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File};

/// Bytes that are read at once: the page stays responsive between two pieces.
const PIECE: u64 = 1024 * 1024;

/// Said when the browser cannot read a file: it was moved, changed or taken away since it was chosen.
const UNREADABLE: &str = "The browser cannot read this file any more. Choose it again.";
/// Said when the manifest is something else.
const NO_MANIFEST: &str = "This is no signed manifest. Choose the file that “reeve-release sign” wrote.";

/// Reads a program to its end; `told` hears how many bytes were read, and says whether to go on.
///
/// # Errors
/// In a sentence, when it cannot be one of a release, or cannot be read. `Ok(None)`: nobody wants it any more.
pub(super) async fn read_program(
    file: &File,
    told: impl Fn(u64) -> bool,
) -> Result<Option<(Platform, Sha256Hex)>, String> {
    let size = size(file);
    if size > ARTIFACT_BYTES_MAX {
        return Err("This is larger than any program of a release may be.".to_owned());
    }
    let head = piece(file, 0, HEAD_BYTES as u64).await?;
    let Some(platform) = program::platform(&head) else {
        return Err("This is no program for Linux, macOS or Windows on a processor of 64 bits. Choose the file as it was built, not an archive or a script.".to_owned());
    };
    let (mut digest, mut read) = (Sha256::new(), 0);
    while read < size {
        if !told(read) {
            return Ok(None);
        }
        let next = piece(file, read, PIECE).await?;
        if next.is_empty() {
            return Err(UNREADABLE.to_owned());
        }
        digest.update(&next);
        read += next.len() as u64;
    }
    told(read);
    Ok(Some((platform, hex(&digest.finalize())?)))
}

/// A manifest that was chosen, as text and as what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedManifest {
    /// The envelope.
    pub envelope: String,
    /// What it says; who signed it is for the server to find out.
    pub manifest: Manifest,
    /// How many signatures there are.
    pub signatures: usize,
}

/// Reads a manifest that was chosen.
///
/// # Errors
/// In a sentence, when it is none or cannot be read.
pub(super) async fn read_manifest(file: &File) -> Result<SignedManifest, String> {
    if size(file) > MANIFEST_BYTES_MAX as u64 {
        return Err(NO_MANIFEST.to_owned());
    }
    let text = read_text(file, MANIFEST_BYTES_MAX).await.map_err(|_| NO_MANIFEST.to_owned())?;
    manifest_of(text, |encoded| window().atob(encoded).ok())
}

/// Reads a small file of text.
///
/// # Errors
/// In a sentence, when it is too large, no text, or cannot be read.
pub(super) async fn read_text(file: &File, most: usize) -> Result<String, String> {
    if size(file) > most as u64 {
        return Err("This file is larger than it may be.".to_owned());
    }
    let bytes = piece(file, 0, most as u64).await?;
    String::from_utf8(bytes).map_err(|_| "This file is no text.".to_owned())
}

#[derive(Deserialize)]
struct Envelope {
    payload: String,
    signatures: Vec<serde::de::IgnoredAny>,
}

/// `decode` gives what base64 stands for, one character for each byte, as browsers do.
fn manifest_of(envelope: String, decode: impl Fn(&str) -> Option<String>) -> Result<SignedManifest, String> {
    let read = || {
        let outer: Envelope = serde_json::from_str(&envelope).ok()?;
        let bytes: Option<Vec<u8>> =
            decode(&outer.payload)?.chars().map(|byte| u8::try_from(u32::from(byte)).ok()).collect();
        let manifest = serde_json::from_str(std::str::from_utf8(&bytes?).ok()?).ok()?;
        Some((manifest, outer.signatures.len()))
    };
    match read() {
        Some((manifest, signatures)) => Ok(SignedManifest { manifest, signatures, envelope }),
        None => Err(NO_MANIFEST.to_owned()),
    }
}

/// What a file is meant as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// A signed manifest.
    Manifest,
    /// A program.
    Program,
}

/// What a file begins like; nothing when it is neither.
pub(super) async fn looks_like(file: &File) -> Option<Meant> {
    let head = piece(file, 0, HEAD_BYTES as u64).await.unwrap_or_default();
    match head.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => Some(Meant::Manifest),
        _ => program::platform(&head).map(|_| Meant::Program),
    }
}

/// The size of a file.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes of files are whole")]
pub(super) fn size(file: &File) -> u64 {
    let blob: &Blob = file.as_ref();
    blob.size() as u64
}

/// The name of a file, no longer than anything else is called.
pub(super) fn name(file: &File) -> String {
    file.name().chars().filter(|c| !c.is_control()).take(NAME_MAX).collect()
}

#[expect(clippy::cast_precision_loss, reason = "no file of a release is that large")]
async fn piece(file: &File, from: u64, bytes: u64) -> Result<Vec<u8>, String> {
    let unreadable = |_: JsValue| UNREADABLE.to_owned();
    let blob: &Blob = file.as_ref();
    let part = blob.slice_with_f64_and_f64(from as f64, (from + bytes) as f64).map_err(unreadable)?;
    let buffer = JsFuture::from(part.array_buffer()).await.map_err(unreadable)?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

fn hex(bytes: &[u8]) -> Result<Sha256Hex, String> {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // A string takes all.
        let _ = write!(text, "{byte:02x}");
    }
    text.parse().map_err(|reason: &str| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::release::Channel;

    const MANIFEST: &str = r#"{"spec":1,"product":"reeve","channel":"beta","seq":7,"version":"1.4.0","issued":"2026-11-01T00:00:00Z","expires":"2026-12-16T00:00:00Z","artifacts":[],"notes":"Schöner"}"#;

    #[test]
    fn a_manifest_is_read_out_of_its_envelope() {
        let envelope = r#"{"payload":"x","payloadType":"t","signatures":[{"keyid":"a","sig":"b"}]}"#;
        let as_browsers_do = |_: &str| Some(MANIFEST.bytes().map(char::from).collect());
        let found = manifest_of(envelope.to_owned(), as_browsers_do).expect("a manifest");
        assert_eq!((found.manifest.seq, found.manifest.channel, found.signatures), (7, Channel::Beta, 1));
        assert_eq!(found.manifest.notes, "Schöner");
        assert_eq!(found.envelope, envelope);
    }

    #[test]
    fn what_is_none_is_told_in_a_sentence() {
        for text in ["", "{}", "[]", r#"{"payload":"x","signatures":[]}"#, "\u{7f}ELF"] {
            assert_eq!(manifest_of(text.to_owned(), |_| None), Err(NO_MANIFEST.to_owned()));
        }
        let else_ = |_: &str| Some("{\"spec\":1}".to_owned());
        assert!(manifest_of(r#"{"payload":"x","signatures":[]}"#.to_owned(), else_).is_err());
    }

    #[test]
    fn a_digest_is_written_as_hex() {
        let digest = hex(&Sha256::digest(b"")).expect("a digest");
        assert!(digest.as_str().starts_with("e3b0c44298fc1c14"));
    }
}
