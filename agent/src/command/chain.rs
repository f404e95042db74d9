//! `chain.jsonl`: the device's own record of what was asked of it, each entry with the hash of the one before. The agent
//! and `reeve-agent lock` both write it, so nothing of it is kept in memory: who writes takes the lock beside it first.

use crate::paths::Paths;
use chrono::{SubsecRound as _, Utc};
use entity::{
    command::{ChainEntry, ChainEvent, ChainHead},
    id::CommandId,
    input::clip,
    seal,
};
use serde::Deserialize;
use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};
use updater::durable::{Mode, sync_folder_of, write_atomic};

/// Longest note, in characters.
const NOTE_MAX: usize = 200;
/// Longest line that is read: far more than an honest one has.
const LINE_BYTES_MAX: u64 = 8 * 1024;
/// From this size on, entries that the server has are left out at the next start.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// So many of them stay all the same.
const KEPT_MIN: u64 = 1_000;
/// SHA-256 in hex.
const HASH_CHARACTERS: usize = 64;

/// What an entry is about, before it has its place.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What.
    pub event: ChainEvent,
    /// Which command, if one.
    pub command_id: Option<CommandId>,
    /// SHA-256 of the bytes that it is about, hex.
    pub subject_sha256: String,
    /// A word or two more.
    pub note: String,
}

/// The file.
#[must_use]
pub fn path(paths: &Paths) -> PathBuf {
    paths.folder().join("chain.jsonl")
}

/// Held while the record is written; it ends with the value.
fn lock(paths: &Paths) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(paths.folder().join("chain.lock"))?;
    file.lock()?;
    Ok(file)
}

fn open(paths: &Paths) -> io::Result<File> {
    let path = path(paths);
    let is_new = !path.exists();
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    if is_new {
        sync_folder_of(&path)?;
    }
    Ok(file)
}

/// Adds entries, for good once this returns.
///
/// # Errors
/// Whatever the file system refuses; then none of them counts.
pub fn append(paths: &Paths, drafts: impl IntoIterator<Item = Draft>) -> io::Result<ChainHead> {
    let _held = lock(paths)?;
    let mut file = open(paths)?;
    let (mut head, end) = tail(&mut file)?;
    // Half a line of a writer that died.
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    let mut text = String::new();
    for draft in drafts {
        let entry = entry(&head, draft);
        text.push_str(&serde_json::to_string(&entry)?);
        text.push('\n');
        head = ChainHead { seq: entry.seq, hash: entry.hash, signature: None };
    }
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
    if let Err(error) = written {
        let _ = file.set_len(end);
        return Err(error);
    }
    Ok(head)
}

fn entry(head: &ChainHead, draft: Draft) -> ChainEntry {
    let mut entry = ChainEntry {
        seq: head.seq + 1,
        at: Utc::now().trunc_subsecs(6),
        event: draft.event,
        command_id: draft.command_id,
        subject_sha256: clip(&draft.subject_sha256, 64),
        note: clip(&draft.note, NOTE_MAX),
        previous: if head.seq == 0 { seal::chain_start() } else { head.hash.clone() },
        hash: String::new(),
    };
    entry.hash = seal::chain_hash(&entry);
    entry
}

/// What is needed to go on behind an entry: a later version of the agent, which was taken back, may have written entries
/// that this one does not know, and nothing may take their numbers.
#[derive(Deserialize)]
struct End {
    seq: u64,
    hash: String,
}

/// The last whole entry, and where it ends. A record of which the end cannot be read goes on behind what can: the gap
/// shows.
fn tail(file: &mut File) -> io::Result<(ChainHead, u64)> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(4 * LINE_BYTES_MAX);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    io::Read::by_ref(file).take(4 * LINE_BYTES_MAX).read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut end = whole;
    while end > 0 {
        let begin = bytes[..end - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let last = serde_json::from_slice::<End>(&bytes[begin..end]).ok();
        if let Some(last) = last.filter(|last| last.hash.len() == HASH_CHARACTERS) {
            return Ok((ChainHead { seq: last.seq, hash: last.hash, signature: None }, from + whole as u64));
        }
        end = begin;
    }
    Ok((ChainHead::default(), from + whole as u64))
}

/// How far the record has come; nothing where there is none.
#[must_use]
pub fn head(paths: &Paths) -> ChainHead {
    let read = || tail(&mut File::open(path(paths))?);
    read().map(|(head, _)| head).unwrap_or_default()
}

/// Where an entry was found, so that the search for the ones behind it does not begin anew each time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    seq: u64,
    offset: u64,
}

/// Entries behind this one, in order: at most so many, of at most so many bytes in all. Lines that cannot be read are
/// left out, and the gap shows.
///
/// # Errors
/// Whatever the file system refuses.
pub fn after(
    paths: &Paths,
    seq: u64,
    place: &mut Place,
    most: usize,
    bytes_max: usize,
) -> io::Result<Vec<ChainEntry>> {
    let file = match File::open(path(paths)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    if place.seq != seq || place.offset > file.metadata()?.len() {
        *place = Place { seq, offset: 0 };
    }
    let mut reader = BufReader::with_capacity(4096, file);
    reader.seek(SeekFrom::Start(place.offset))?;
    let (mut entries, mut bytes, mut line) = (Vec::new(), 0, Vec::new());
    loop {
        line.clear();
        let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok(entries);
        }
        let entry = serde_json::from_slice::<ChainEntry>(&line).ok();
        let is_behind = entry.as_ref().is_none_or(|entry| entry.seq <= seq);
        if is_behind && entries.is_empty() {
            place.offset += read as u64;
        }
        let Some(entry) = entry.filter(|_| !is_behind) else { continue };
        bytes += read;
        if entries.len() == most || (bytes > bytes_max && !entries.is_empty()) {
            return Ok(entries);
        }
        entries.push(entry);
    }
}

/// What the record says of these commands.
///
/// # Errors
/// Whatever the file system refuses.
pub fn about(paths: &Paths, ids: &BTreeSet<CommandId>) -> io::Result<BTreeSet<(CommandId, ChainEvent)>> {
    let mut found = BTreeSet::new();
    let mut reader = match File::open(path(paths)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        other => BufReader::with_capacity(4096, other?),
    };
    let mut line = Vec::new();
    while reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? > 0 {
        if let Ok(ChainEntry { command_id: Some(id), event, .. }) = serde_json::from_slice(&line)
            && ids.contains(&id)
        {
            found.insert((id, event));
        }
        line.clear();
    }
    Ok(found)
}

/// Leaves out what the server has, once the file has grown large.
///
/// # Errors
/// Whatever the file system refuses.
pub fn shorten(paths: &Paths, acknowledged: u64) -> io::Result<()> {
    let path = path(paths);
    if fs::metadata(&path).map_or(0, |file| file.len()) <= BYTES_MAX {
        return Ok(());
    }
    let _held = lock(paths)?;
    let from = acknowledged.min(head(paths).seq.saturating_sub(KEPT_MIN));
    let kept = after(paths, from, &mut Place::default(), usize::MAX, usize::MAX)?;
    let mut text = String::new();
    for entry in kept {
        text.push_str(&serde_json::to_string(&entry)?);
        text.push('\n');
    }
    write_atomic(&path, text.as_bytes(), Mode::Private)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(note: &str) -> Draft {
        Draft {
            event: ChainEvent::Received,
            command_id: None,
            subject_sha256: "ab".repeat(32),
            note: note.to_owned(),
        }
    }

    fn place() -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        (folder, paths)
    }

    fn all(paths: &Paths) -> Vec<ChainEntry> {
        after(paths, 0, &mut Place::default(), usize::MAX, usize::MAX).unwrap()
    }

    fn is_whole(entries: &[ChainEntry]) {
        let mut head = ChainHead { seq: 0, hash: seal::chain_start(), signature: None };
        for entry in entries {
            assert_eq!((entry.seq, &entry.previous), (head.seq + 1, &head.hash));
            assert_eq!(entry.hash, seal::chain_hash(entry));
            head = ChainHead { seq: entry.seq, hash: entry.hash.clone(), signature: None };
        }
    }

    #[test]
    fn entries_follow_each_other_whoever_writes_them() {
        let (_folder, paths) = place();
        assert_eq!(head(&paths), ChainHead::default());
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let paths = paths.clone();
                std::thread::spawn(move || {
                    for number in 0..5 {
                        append(&paths, [draft(&number.to_string()), draft("and one more")]).unwrap();
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        let entries = all(&paths);
        assert_eq!(entries.len(), 40);
        is_whole(&entries);
        assert_eq!(head(&paths).hash, entries[39].hash);
        let mut found = Place::default();
        assert_eq!(after(&paths, 38, &mut found, 10, 100_000).unwrap().len(), 2);
        assert_eq!(after(&paths, 38, &mut found, 10, 100_000).unwrap()[0].seq, 39, "from where it was found");
        assert_eq!(after(&paths, 0, &mut found, 7, 100_000).unwrap().len(), 7);
        assert_eq!(after(&paths, 0, &mut found, 7, 1).unwrap().len(), 1, "never nothing");
    }

    #[test]
    fn half_a_line_gives_way_wherever_it_was_cut_off() {
        let (_folder, paths) = place();
        append(&paths, [draft("one"), draft("two")]).unwrap();
        let whole = fs::read(path(&paths)).unwrap();
        append(&paths, [draft("three")]).unwrap();
        let longer = fs::read(path(&paths)).unwrap();
        for end in whole.len()..longer.len() {
            fs::write(path(&paths), &longer[..end]).unwrap();
            assert_eq!(head(&paths).seq, 2);
            append(&paths, [draft("again")]).unwrap();
            is_whole(&all(&paths));
            assert_eq!(head(&paths).seq, 3);
        }
    }

    #[test]
    fn entries_of_a_later_version_keep_their_numbers() {
        let (_folder, paths) = place();
        append(&paths, [draft("one"), draft("two")]).unwrap();
        let mut later = serde_json::to_value(&all(&paths)[1]).unwrap();
        later["seq"] = 3.into();
        later["previous"] = later["hash"].clone();
        later["hash"] = "ef".repeat(32).into();
        later["event"] = "put_in_quarantine".into();
        later["of_a_later_version"] = true.into();
        let text = fs::read_to_string(path(&paths)).unwrap() + &format!("{later}\n");
        fs::write(path(&paths), text).unwrap();
        assert_eq!((head(&paths).seq, head(&paths).hash), (3, "ef".repeat(32)));
        append(&paths, [draft("back again")]).unwrap();
        let seqs: Vec<u64> = all(&paths).iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, [1, 2, 4], "what cannot be read is left out, and nothing else has its number");
        assert_eq!(all(&paths)[2].previous, "ef".repeat(32));
    }

    #[test]
    fn what_was_put_in_shows() {
        let (_folder, paths) = place();
        append(&paths, [draft("one"), draft("two")]).unwrap();
        let text = fs::read_to_string(path(&paths)).unwrap().replace("one", "eno");
        fs::write(path(&paths), text).unwrap();
        let entries = all(&paths);
        assert_ne!(entries[0].hash, seal::chain_hash(&entries[0]));
    }

    #[test]
    fn what_the_server_has_is_left_out_of_a_large_file() {
        let (_folder, paths) = place();
        for _ in 0..120 {
            append(&paths, (0..100).map(|_| draft(&"x".repeat(NOTE_MAX)))).unwrap();
        }
        assert!(fs::metadata(path(&paths)).unwrap().len() > BYTES_MAX);
        shorten(&paths, 11_500).unwrap();
        let entries = after(&paths, 0, &mut Place::default(), usize::MAX, usize::MAX).unwrap();
        assert_eq!((entries[0].seq, entries.len()), (11_001, 1_000));
        append(&paths, [draft("on it goes")]).unwrap();
        assert_eq!(head(&paths).seq, 12_001);
    }
}
