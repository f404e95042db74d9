//! What the operating system keeps of itself: the journal, the event logs, or plain files where there is neither.

use super::journal::Journal;
#[cfg(windows)]
use super::{event_log::CHANNELS, windows};
use entity::log_entry::LogEntry;
use std::{collections::BTreeMap, io, ops::ControlFlow};

/// What the journal is called among what was read.
#[cfg(not(windows))]
const JOURNAL: &str = "journal";

/// The logs of the system.
#[derive(Clone, Debug, Default)]
pub struct SystemLog {
    journal: Journal,
}

impl SystemLog {
    /// With a journal that is elsewhere.
    #[must_use]
    pub const fn with(journal: Journal) -> Self {
        Self { journal }
    }

    /// Files to follow in its place.
    #[must_use]
    pub fn files(&self) -> &'static [&'static str] {
        if cfg!(target_os = "macos") {
            &["/var/log/system.log"]
        } else if cfg!(target_os = "linux") && !self.journal.is_there() {
            &["/var/log/syslog", "/var/log/messages"]
        } else {
            &[]
        }
    }

    /// Shows what is new, and keeps how far that is, entry by entry; stops when told to. The first time nothing is shown:
    /// what was written before nobody asked for.
    ///
    /// # Errors
    /// When the system's tool fails.
    #[cfg(not(windows))]
    pub fn read(
        &mut self,
        read: &mut BTreeMap<String, String>,
        mut show: impl FnMut(LogEntry) -> ControlFlow<()>,
    ) -> io::Result<()> {
        if !self.journal.is_there() {
            return Ok(());
        }
        let Some(mut cursor) = read.get(JOURNAL).cloned() else {
            read.insert(JOURNAL.to_owned(), self.journal.end()?);
            return Ok(());
        };
        let from = cursor.clone();
        let done = self.journal.read(&from, |next, entry| {
            cursor = next;
            entry.map_or(ControlFlow::Continue(()), &mut show)
        });
        read.insert(JOURNAL.to_owned(), cursor);
        done
    }

    /// The same, for each event log.
    ///
    /// # Errors
    /// When the system's tool fails.
    #[cfg(windows)]
    pub fn read(
        &mut self,
        read: &mut BTreeMap<String, String>,
        mut show: impl FnMut(LogEntry) -> ControlFlow<()>,
    ) -> io::Result<()> {
        for channel in CHANNELS {
            let Some(last) = read.get(channel).and_then(|number| number.parse().ok()) else {
                read.insert(channel.to_owned(), windows::newest(channel)?.to_string());
                continue;
            };
            for (number, entry) in windows::after(channel, last)? {
                read.insert(channel.to_owned(), number.to_string());
                if show(entry).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
