//! `commands/`: one file for each command, written before anything is done about it. Received, started, done, over: a line
//! each, synced before the next step. What is over stays as a mark until nobody can send it again, so that nothing is ever
//! done twice.

use chrono::{DateTime, Utc};
use entity::{
    command::{CommandResult, Envelope},
    id::CommandId,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};
use updater::durable::{Mode, sync_folder_of, write_atomic};

/// Most commands that are remembered; beyond it the oldest that are over go, and are then expired for good.
pub const RECORDS_MAX: usize = 512;
/// Most commands that are not over: what comes beyond it is left with the server.
pub const UNFINISHED_MAX: usize = 32;
/// Largest file that is read: an envelope, and a result whose every character is escaped.
const BYTES_MAX: u64 = 16 * 1024 * 1024;
/// A mark is made small from this size on.
const SMALL_BYTES: u64 = 4 * 1024;

/// A line of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Received(Received),
    Started { at: DateTime<Utc>, boot_id: Option<String> },
    Done(Box<CommandResult>),
    Over {},
}

/// What came, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// When, by the device's clock.
    pub at: DateTime<Utc>,
    /// SHA-256 of the bytes that were signed, hex.
    pub order_sha256: String,
    /// When it was signed.
    pub issued_at: DateTime<Utc>,
    /// Nobody begins it after this, however often it is signed anew: so long it is remembered.
    pub expires_at: DateTime<Utc>,
    /// The order as it came; absent once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Envelope>,
}

/// How far a command has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It waits for its turn.
    Received,
    /// It has begun, in this boot of the machine.
    Started {
        /// When.
        at: DateTime<Utc>,
        /// In which boot.
        boot_id: Option<String>,
    },
    /// It ended, and the server has to be told.
    Done,
    /// It ended, and the server knows.
    Over,
}

/// What is remembered of a command without its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What came.
    pub received: Received,
    /// How far it has come.
    pub phase: Phase,
}

/// All commands of the device.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    kept: BTreeMap<CommandId, Kept>,
}

impl Journal {
    /// Opens it. A line that was cut off is as if it had not been begun.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        crate::paths::make_private(&folder)?;
        let mut kept = BTreeMap::new();
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let id = name.strip_suffix(".jsonl").and_then(|name| name.parse::<CommandId>().ok());
            match id {
                Some(id) => {
                    kept.insert(id, load(&path)?);
                }
                // A neighbour that never got its name.
                None if name.ends_with(".new") => fs::remove_file(&path)?,
                None => {}
            }
        }
        Ok(Self { folder, kept })
    }

    fn path(&self, id: CommandId) -> PathBuf {
        self.folder.join(format!("{id}.jsonl"))
    }

    /// What is remembered of a command.
    #[must_use]
    pub fn look(&self, id: CommandId) -> Option<&Kept> {
        self.kept.get(&id)
    }

    /// All that is remembered.
    pub fn all(&self) -> impl Iterator<Item = (CommandId, &Kept)> {
        self.kept.iter().map(|(id, kept)| (*id, kept))
    }

    /// How many are not over.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.kept.values().filter(|kept| kept.phase != Phase::Over).count()
    }

    /// The latest time that anything in it was signed.
    #[must_use]
    pub fn latest(&self) -> Option<DateTime<Utc>> {
        self.kept.values().map(|kept| kept.received.issued_at).max()
    }

    /// A command has come. With a result where it ends at once.
    ///
    /// # Errors
    /// Whatever the file system refuses; then it is as if it had not come.
    pub fn receive(
        &mut self,
        id: CommandId,
        received: Received,
        result: Option<&CommandResult>,
    ) -> io::Result<()> {
        let mut text = line(&Line::Received(received.clone()))?;
        if let Some(result) = result {
            text.push_str(&line(&Line::Done(Box::new(result.clone())))?);
        }
        write_atomic(&self.path(id), text.as_bytes(), Mode::Private)?;
        let phase = if result.is_some() { Phase::Done } else { Phase::Received };
        let received = Received { envelope: None, ..received };
        self.kept.insert(id, Kept { received, phase });
        Ok(())
    }

    /// It begins.
    ///
    /// # Errors
    /// Whatever the file system refuses; then it must not begin.
    pub fn start(&mut self, id: CommandId, at: DateTime<Utc>, boot_id: Option<String>) -> io::Result<()> {
        self.add(id, &Line::Started { at, boot_id: boot_id.clone() }, Phase::Started { at, boot_id }, true)
    }

    /// It has ended.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    pub fn finish(&mut self, result: &CommandResult) -> io::Result<()> {
        self.add(result.command_id, &Line::Done(Box::new(result.clone())), Phase::Done, true)
    }

    /// The server has its result.
    ///
    /// # Errors
    /// Whatever the file system refuses; then the result is sent again some time.
    pub fn acknowledge(&mut self, id: CommandId) -> io::Result<()> {
        let Some(kept) = self.kept.get(&id).filter(|kept| kept.phase == Phase::Done) else { return Ok(()) };
        let path = self.path(id);
        if fs::metadata(&path)?.len() <= SMALL_BYTES {
            // Lost in a power cut, it is acknowledged once more.
            return self.add(id, &Line::Over {}, Phase::Over, false);
        }
        let result = self.result(id)?.map(|result| CommandResult { output: String::new(), ..result });
        let mut text = line(&Line::Received(kept.received.clone()))?;
        if let Some(result) = result {
            text.push_str(&line(&Line::Done(Box::new(result)))?);
        }
        text.push_str(&line(&Line::Over {})?);
        write_atomic(&path, text.as_bytes(), Mode::Private)?;
        self.set(id, Phase::Over);
        Ok(())
    }

    fn add(&mut self, id: CommandId, what: &Line, phase: Phase, is_synced: bool) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).open(self.path(id))?;
        let length = file.metadata()?.len();
        let written = file.write_all(line(what)?.as_bytes());
        let written = written.and_then(|()| if is_synced { file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            let _ = file.set_len(length);
            return Err(error);
        }
        self.set(id, phase);
        Ok(())
    }

    fn set(&mut self, id: CommandId, phase: Phase) {
        if let Some(kept) = self.kept.get_mut(&id) {
            kept.phase = phase;
        }
    }

    /// The order as it came.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    pub fn envelope(&self, id: CommandId) -> io::Result<Option<Envelope>> {
        Ok(lines(&self.path(id))?.0.into_iter().find_map(|line| match line {
            Line::Received(received) => received.envelope,
            _ => None,
        }))
    }

    /// How it ended, when it has.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    pub fn result(&self, id: CommandId) -> io::Result<Option<CommandResult>> {
        Ok(lines(&self.path(id))?.0.into_iter().find_map(|line| match line {
            Line::Done(result) => Some(*result),
            _ => None,
        }))
    }

    /// Forgets what is over and expired, and the oldest when there are too many. Answers a time: what had not expired by
    /// then must never be begun any more.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    pub fn forget(
        &mut self,
        now: DateTime<Utc>,
        mut before: impl FnMut(DateTime<Utc>) -> io::Result<()>,
    ) -> io::Result<()> {
        let over = |kept: &Kept| kept.phase == Phase::Over;
        let mut gone: Vec<(DateTime<Utc>, CommandId)> = self
            .kept
            .iter()
            .filter(|(_, kept)| over(kept) && kept.received.expires_at <= now)
            .map(|(id, kept)| (kept.received.expires_at, *id))
            .collect();
        let left = self.kept.len() - gone.len();
        if left > RECORDS_MAX {
            let mut rest: Vec<_> = self
                .kept
                .iter()
                .filter(|(_, kept)| over(kept) && kept.received.expires_at > now)
                .map(|(id, kept)| (kept.received.expires_at, *id))
                .collect();
            rest.sort_unstable();
            gone.extend(rest.into_iter().take(left - RECORDS_MAX));
        }
        let Some(latest) = gone.iter().map(|(expires_at, _)| *expires_at).max() else { return Ok(()) };
        // First the time, then the mark: the other way round it could be begun once more.
        before(latest)?;
        for (_, id) in &gone {
            fs::remove_file(self.path(*id))?;
            self.kept.remove(id);
        }
        sync_folder_of(&self.folder.join("any"))
    }
}

fn line(line: &Line) -> io::Result<String> {
    Ok(serde_json::to_string(line)? + "\n")
}

/// The whole lines of a file, and where they end.
fn lines(path: &Path) -> io::Result<(Vec<Line>, u64)> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    let (mut lines, mut end) = (Vec::new(), 0);
    for text in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<Line>(text) else { break };
        if text.last() != Some(&b'\n') {
            break;
        }
        end += text.len() as u64;
        lines.push(line);
    }
    Ok((lines, end))
}

fn load(path: &Path) -> io::Result<Kept> {
    let (lines, end) = lines(path)?;
    let file = OpenOptions::new().write(true).open(path)?;
    let mut kept = None;
    for line in lines {
        match (line, &mut kept) {
            (Line::Received(received), None) => {
                let received = Received { envelope: None, ..received };
                kept = Some(Kept { received, phase: Phase::Received });
            }
            (Line::Started { at, boot_id }, Some(kept)) => kept.phase = Phase::Started { at, boot_id },
            (Line::Done(_), Some(kept)) => kept.phase = Phase::Done,
            (Line::Over {}, Some(kept)) => kept.phase = Phase::Over,
            _ => break,
        }
    }
    if let Some(kept) = kept {
        // What follows the last whole line would make the next one unreadable.
        if file.metadata()?.len() != end {
            file.set_len(end)?;
            file.sync_data()?;
        }
        return Ok(kept);
    }
    // A file appears as a whole, so no crash made this: something happened to the disk. Whether the command was begun is
    // not known; it is not begun any more.
    tracing::error!(path = %path.display(), "what is known of a command is damaged: it counts as over");
    let moment = DateTime::from(fs::metadata(path)?.modified()?);
    let received = Received {
        at: moment,
        order_sha256: String::new(),
        issued_at: DateTime::UNIX_EPOCH,
        expires_at: moment + chrono::TimeDelta::seconds(i64::from(entity::command::ORDER_SECONDS_MAX)) * 2,
        envelope: None,
    };
    Ok(Kept { received, phase: Phase::Over })
}
