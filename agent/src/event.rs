//! Things that happened on the device and wait to be told: on disk until the server has them, so that neither an outage
//! nor a restart of the agent loses one.

use crate::paths::Paths;
use entity::wire::Event;
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use updater::durable::{Mode, write_atomic};
use uuid::Uuid;

/// Most events that wait; the oldest go first.
const EVENTS_MAX: usize = 200;
/// Largest file that is read.
const BYTES_MAX: u64 = 512 * 1024;

/// Events that wait, in the hands of several tasks.
#[derive(Clone, Debug, Default)]
pub struct Events(Arc<Mutex<Queue>>);

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Queue {
    #[serde(skip)]
    path: Option<PathBuf>,
    waiting: VecDeque<Event>,
    /// Events that had to go because too many waited, since that was told last.
    dropped: u64,
}

impl Events {
    /// With those that wait from before, in `events.json`; what cannot be read is forgotten.
    #[must_use]
    pub fn open(paths: &Paths) -> Self {
        let path = paths.folder().join("events.json");
        let mut queue = match read(&path) {
            Ok(queue) => queue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Queue::default(),
            Err(error) => {
                tracing::warn!(%error, "the events that wait cannot be read: forgotten");
                Queue::default()
            }
        };
        queue.path = Some(path);
        Self(Arc::new(Mutex::new(queue)))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one; it gets a name by which the server knows it again.
    pub fn add(&self, event: Event) {
        let mut queue = self.queue();
        queue.waiting.push_back(Event { id: event.id.or_else(fresh_id), ..event });
        while queue.waiting.len() > EVENTS_MAX {
            queue.waiting.pop_front();
            queue.dropped += 1;
        }
        queue.keep();
    }

    /// The oldest one; it goes on waiting until [`Events::told`] or [`Events::committed`].
    #[must_use]
    pub fn oldest(&self) -> Option<Event> {
        self.queue().waiting.front().cloned()
    }

    /// This one was told.
    pub fn told(&self, event: &Event) {
        self.forget(|oldest| oldest == event);
    }

    /// The server has the one of this name.
    pub fn committed(&self, id: Uuid) {
        self.forget(|oldest| oldest.id == Some(id));
    }

    /// Takes the oldest away, if it is the one: it may have been pushed out meanwhile.
    fn forget(&self, is_it: impl Fn(&Event) -> bool) {
        let mut queue = self.queue();
        if !queue.waiting.front().is_some_and(is_it) {
            return;
        }
        queue.waiting.pop_front();
        if queue.dropped > 0 {
            let summary = format!("{} events were dropped because too many waited", queue.dropped);
            let plain = Event::plain(chrono::Utc::now(), "events_dropped", summary);
            queue.waiting.push_back(Event { id: fresh_id(), ..plain });
            queue.dropped = 0;
        }
        queue.keep();
    }
}

impl Queue {
    fn keep(&self) {
        let Some(path) = &self.path else { return };
        let kept = serde_json::to_vec(self)
            .map_err(io::Error::from)
            .and_then(|bytes| write_atomic(path, &bytes, Mode::Private));
        if let Err(error) = kept {
            // They wait in memory all the same.
            tracing::warn!(%error, "events that wait could not be kept on disk");
        }
    }
}

fn read(path: &Path) -> io::Result<Queue> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

fn fresh_id() -> Option<Uuid> {
    let mut bytes = [0; 16];
    // Without a name it counts twice when it is told twice, and that is all.
    getrandom::fill(&mut bytes).ok()?;
    Some(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: usize) -> Event {
        Event::plain(chrono::DateTime::UNIX_EPOCH, "service_crashed", number.to_string())
    }

    #[test]
    fn events_wait_on_disk_in_order_until_they_are_committed() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        let events = Events::open(&paths);
        for number in 0..3 {
            events.add(event(number));
        }
        let first = events.oldest().unwrap();
        assert!(first.id.is_some());
        drop(events);
        let events = Events::open(&paths);
        assert_eq!(events.oldest(), Some(first.clone()), "another run of the agent");
        events.committed(Uuid::nil());
        assert_eq!(events.oldest(), Some(first.clone()), "an acknowledgement of something else");
        events.committed(first.id.unwrap());
        events.committed(first.id.unwrap());
        assert_eq!(events.oldest().unwrap().summary, "1", "acknowledged twice is once");
        let events = Events::open(&paths);
        events.told(&events.oldest().unwrap());
        assert_eq!(Events::open(&paths).oldest().unwrap().summary, "2");
    }

    #[test]
    fn too_many_drop_the_oldest_and_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        let events = Events::open(&paths);
        for number in 0..EVENTS_MAX + 5 {
            events.add(event(number));
        }
        let events = Events::open(&paths);
        let mut told = Vec::new();
        while let Some(oldest) = events.oldest() {
            events.committed(oldest.id.unwrap());
            told.push(oldest);
        }
        assert_eq!(told.len(), EVENTS_MAX + 1);
        assert_eq!(told[0].summary, "5");
        assert_eq!(told[EVENTS_MAX].event_type, "events_dropped");
        assert!(told[EVENTS_MAX].summary.starts_with("5 events"));
    }

    #[test]
    fn a_torn_file_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        std::fs::write(folder.path().join("events.json"), r#"{"waiting": [{"#).unwrap();
        let events = Events::open(&paths);
        assert_eq!(events.oldest(), None);
        events.add(event(1));
        assert!(Events::open(&paths).oldest().is_some());
    }
}
