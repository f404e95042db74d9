//! The backup as one file: a tar archive, compressed by zstd, that `tar --zstd -tvf` lists. First the manifest, then
//! the keys and the database, and last the digest of the manifest, by which a file that was cut off is known.

use super::{
    failed,
    manifest::{Manifest, Member},
    progress::{Progress, Watch},
};
use crate::Result;
use sha2::{Digest as _, Sha256};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

/// The first member.
pub(super) const MANIFEST: &str = "manifest.json";
/// The last member.
pub(super) const SEAL: &str = "manifest.sha256";
/// The rows, in a file of the embedded database.
pub(super) const DATABASE: &str = "reeve.db";
/// The folder of the keys.
pub(super) const KEYS: &str = "keys/";
/// Bytes that a manifest may have.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;
/// How hard it is compressed: the level at which zstd keeps up with a disk.
const LEVEL: i32 = 3;
/// Bytes that are moved at a time.
const PIECE: usize = 256 << 10;

/// Moves bytes, and says how far it is.
fn pump(
    mut from: impl Read,
    mut to: impl Write,
    progress: &mut Progress,
    watch: &Watch,
) -> io::Result<(u64, String)> {
    let mut piece = vec![0; PIECE];
    let mut hash = Sha256::new();
    let mut moved = 0;
    loop {
        if watch.is_over() {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "it was given up"));
        }
        let length = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&piece[..length]);
        to.write_all(&piece[..length])?;
        moved += length as u64;
        progress.done += length as u64;
        watch.tell(progress);
    }
    Ok((moved, hex::encode(hash.finalize())))
}

/// Describes a file that is to be a member.
pub(super) fn describe(name: &str, file: &Path, watch: &Watch) -> Result<Member> {
    let describe = || {
        let file = File::open(file)?;
        let total = file.metadata()?.len();
        let mut progress =
            Progress { step: "checking", what: name.to_owned(), done: 0, total, unit: "bytes" };
        pump(file, io::sink(), &mut progress, watch)
    };
    let (size_bytes, sha256) = describe().map_err(|error| failed(format!("{}: {error}", file.display())))?;
    Ok(Member { name: name.to_owned(), size_bytes, sha256 })
}

/// What came out of writing or reading a whole backup.
pub(super) struct Whole {
    pub(super) size_bytes: u64,
    pub(super) sha256: String,
}

/// Hashes and counts what goes through.
struct Counted<T> {
    inner: T,
    hash: Sha256,
    size: u64,
}

impl<T> Counted<T> {
    fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), size: 0 }
    }
}

impl<T: Write> Write for Counted<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn header(name: &str, size: u64, mtime: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(mtime);
    header.set_cksum();
    Ok(header)
}

/// Writes a backup; `folder` holds its members under their names. Blocks.
pub(super) fn write(manifest: &Manifest, folder: &Path, to: impl Write, watch: &Watch) -> Result<Whole> {
    let text = manifest.to_text()?;
    let mtime = manifest.taken_at.timestamp().unsigned_abs();
    let total = manifest.members.iter().map(|member| member.size_bytes).sum();
    let mut progress = Progress { step: "packing", what: String::new(), done: 0, total, unit: "bytes" };
    let run = || -> io::Result<Whole> {
        let mut encoder = zstd::Encoder::new(Counted::new(to), LEVEL)?;
        encoder.include_checksum(true)?;
        let mut tar = tar::Builder::new(encoder);
        tar.append(&header(MANIFEST, text.len() as u64, mtime)?, text.as_slice())?;
        for member in &manifest.members {
            progress.what.clone_from(&member.name);
            let file = File::open(folder.join(&member.name))?;
            let told = Told { inner: file.take(member.size_bytes), progress: &mut progress, watch };
            tar.append(&header(&member.name, member.size_bytes, mtime)?, told)?;
        }
        let seal = format!("{}  {MANIFEST}\n", hex::encode(Sha256::digest(&text)));
        tar.append(&header(SEAL, seal.len() as u64, mtime)?, seal.as_bytes())?;
        let mut done = tar.into_inner()?.finish()?;
        done.flush()?;
        Ok(Whole { size_bytes: done.size, sha256: hex::encode(done.hash.finalize()) })
    };
    run().map_err(|error| failed(format!("the backup cannot be written: {}", words(&error))))
}

/// An error of the system in words.
pub(super) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full".to_owned(),
        io::ErrorKind::FileTooLarge => "the file may not become that large".to_owned(),
        _ => error.to_string(),
    }
}

/// Says how far a reader is.
struct Told<'a, T> {
    inner: T,
    progress: &'a mut Progress,
    watch: &'a Watch,
}

impl<T: Read> Read for Told<'_, T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.watch.is_over() {
            return Err(io::Error::other("it was given up"));
        }
        let length = self.inner.read(into)?;
        self.progress.done += length as u64;
        self.watch.tell(self.progress);
        Ok(length)
    }
}

/// Takes a backup apart into `folder` and checks every byte of it; `suits` looks at the manifest before. Blocks.
///
/// # Errors
/// When it is none, of a newer form, or not what it says it is: the member is named.
pub(super) fn read(
    from: impl Read,
    folder: &Path,
    suits: &dyn Fn(&Manifest) -> Result<()>,
    watch: &Watch,
) -> Result<Manifest> {
    let decoder =
        zstd::Decoder::new(from).map_err(|error| failed(format!("the backup cannot be read: {error}")))?;
    let mut tar = tar::Archive::new(decoder);
    let entries = tar.entries().map_err(|error| failed(format!("the backup cannot be read: {error}")))?;
    let mut reading =
        Reading { folder, suits, watch, manifest: None, text_digest: String::new(), next: 0, sealed: false };
    for entry in entries {
        let entry = entry.map_err(|error| reading.broken(&error))?;
        reading.entry(entry)?;
    }
    let manifest = reading.end()?;
    // The end of the compressed stream has a checksum of its own.
    io::copy(&mut tar.into_inner(), &mut io::sink())
        .map_err(|error| failed(format!("the backup is cut off at its end: {error}")))?;
    Ok(manifest)
}

/// How far the reading has come.
struct Reading<'a> {
    folder: &'a Path,
    /// Whether it can be used at all.
    suits: &'a dyn Fn(&Manifest) -> Result<()>,
    watch: &'a Watch,
    manifest: Option<Manifest>,
    text_digest: String,
    /// Members that were read.
    next: usize,
    sealed: bool,
}

impl Reading<'_> {
    /// The member that is due.
    fn due(&self) -> &str {
        match &self.manifest {
            None => MANIFEST,
            Some(manifest) => manifest.members.get(self.next).map_or(SEAL, |member| &member.name),
        }
    }

    fn broken(&self, error: &io::Error) -> crate::Error {
        if self.manifest.is_none() {
            return failed(format!("this is no backup of Reeve, or it is damaged: {error}"));
        }
        failed(format!("the backup is damaged or cut off at {}: {error}", self.due()))
    }

    fn entry(&mut self, entry: tar::Entry<'_, impl Read>) -> Result<()> {
        let name = entry.path().map_err(|error| self.broken(&error))?.display().to_string();
        if name != self.due() || self.sealed {
            let due = if self.sealed { "its end" } else { self.due() };
            return Err(failed(format!("the backup was changed: there is {name} where {due} should be")));
        }
        if !entry.header().entry_type().is_file() {
            return Err(failed(format!("the backup was changed: {name} is no file")));
        }
        let size = entry.size();
        if self.manifest.is_none() || name == SEAL {
            if size > MANIFEST_BYTES_MAX {
                return Err(failed(format!("the backup was changed: {name} is too large")));
            }
            let mut text = Vec::new();
            let mut entry = entry;
            entry.read_to_end(&mut text).map_err(|error| self.broken(&error))?;
            return self.page(&text);
        }
        self.member(entry, size)
    }

    /// The manifest, or its digest.
    fn page(&mut self, text: &[u8]) -> Result<()> {
        if self.manifest.is_none() {
            let manifest = Manifest::read(text)?;
            if let Some(bad) = manifest.members.iter().find(|member| !is_plain(&member.name)) {
                return Err(failed(format!("the backup was changed: {} is no name of a member", bad.name)));
            }
            if !manifest.members.iter().any(|member| member.name == DATABASE) {
                return Err(failed(format!("the backup was changed: {DATABASE} is missing")));
            }
            (self.suits)(&manifest)?;
            self.manifest = Some(manifest);
            self.text_digest = hex::encode(Sha256::digest(text));
            return Ok(());
        }
        let told = std::str::from_utf8(text).unwrap_or_default().split(' ').next();
        if told != Some(self.text_digest.as_str()) {
            return Err(failed(format!("the backup was changed: {MANIFEST} is not what it was")));
        }
        self.sealed = true;
        Ok(())
    }

    fn member(&mut self, entry: tar::Entry<'_, impl Read>, size: u64) -> Result<()> {
        let Some(due) = self.manifest.as_ref().and_then(|manifest| manifest.members.get(self.next)).cloned()
        else {
            return Ok(());
        };
        let changed = || failed(format!("the backup was changed: {} is not what it was", due.name));
        if size != due.size_bytes {
            return Err(changed());
        }
        let file = self.folder.join(&due.name);
        let mut out = create_private(&file)?;
        let mut progress =
            Progress { step: "unpacking", what: due.name.clone(), done: 0, total: size, unit: "bytes" };
        // Reading and writing fail differently.
        let mut entry = entry;
        let mut source = Fallible { inner: &mut entry, failure: None };
        let pumped = pump(&mut source, &mut out, &mut progress, self.watch);
        if let Some(error) = source.failure {
            return Err(self.broken(&error));
        }
        let (moved, sha256) =
            pumped.map_err(|error| failed(format!("{}: {}", file.display(), words(&error))))?;
        if moved != size || sha256 != due.sha256 {
            return Err(changed());
        }
        out.sync_all().map_err(|error| failed(format!("{}: {}", file.display(), words(&error))))?;
        self.next += 1;
        Ok(())
    }

    fn end(self) -> Result<Manifest> {
        let due = self.due().to_owned();
        match self.manifest {
            Some(manifest) if self.sealed => Ok(manifest),
            None => Err(failed("this is no backup of Reeve: it is empty")),
            Some(_) => Err(failed(format!("the backup is cut off before {due}"))),
        }
    }
}

/// Remembers that reading failed.
struct Fallible<'a, T> {
    inner: &'a mut T,
    failure: Option<io::Error>,
}

impl<T: Read> Read for Fallible<'_, T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.inner.read(into).map_err(|error| {
            let told = io::Error::new(io::ErrorKind::InvalidData, error.to_string());
            self.failure = Some(error);
            told
        })
    }
}

/// True for the database and for a file in the folder of the keys, whose names cannot lead elsewhere.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name == DATABASE
        || name.strip_prefix(KEYS).is_some_and(|key| {
            !key.is_empty() && !key.starts_with('.') && key.len() < 100 && key.chars().all(plain)
        })
}

/// Makes a file that only its owner may read.
pub(super) fn create_private(file: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map_err(|error| failed(format!("{}: {}", file.display(), words(&error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_members_lead_nowhere_else() {
        for good in ["reeve.db", "keys/seal.key", "keys/agent-token.key"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in
            ["", "keys/", "keys/..", "keys/../x", "keys/a/b", "/etc/passwd", "reeve.db/x", "other", "keys/.x"]
        {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
