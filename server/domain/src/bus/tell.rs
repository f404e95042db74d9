//! Speaking: what happens in this process is gathered and sent. Whoever has something to say never waits; what does not
//! fit is dropped, and the next number shows the others that they missed something.

use super::{Bus, Hint, close, message::HINTS_MAX, message::Message};
use crate::{Store, store::WeakStore};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::{
    broadcast::error::{RecvError, TryRecvError},
    mpsc,
};

/// Hints that may wait to be sent.
const WAITING_MAX: usize = 1024;
/// Bytes of hints after which a message is sent.
const FULL_BYTES: usize = 64 * 1024;

/// What this process says.
pub(crate) struct Mouth {
    bus: OnceLock<Arc<dyn Bus>>,
    hints: mpsc::Sender<Hint>,
    /// Taken by the task that sends.
    waiting: std::sync::Mutex<Option<mpsc::Receiver<Hint>>>,
    number: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) lost: AtomicU64,
}

impl Default for Mouth {
    fn default() -> Self {
        let (hints, waiting) = mpsc::channel(WAITING_MAX);
        Self {
            bus: OnceLock::new(),
            hints,
            waiting: std::sync::Mutex::new(Some(waiting)),
            number: AtomicU64::default(),
            sent: AtomicU64::default(),
            lost: AtomicU64::default(),
        }
    }
}

impl Mouth {
    pub(crate) fn bus(&self) -> Option<&Arc<dyn Bus>> {
        self.bus.get()
    }

    pub(super) fn tell(&self, hint: Hint) {
        if self.bus.get().is_some() && self.hints.try_send(hint).is_err() {
            self.skip();
        }
    }

    /// Something is not said: its number is never heard.
    fn skip(&self) {
        self.number.fetch_add(1, Ordering::Relaxed);
        self.lost.fetch_add(1, Ordering::Relaxed);
    }
}

/// Hints on their way into one message.
#[derive(Default)]
struct Gathered {
    hints: Vec<serde_json::Value>,
    bytes: usize,
}

impl Gathered {
    fn add(&mut self, hint: &Hint) {
        // A hint is plain data; it always has a JSON form.
        if let Ok(hint) = serde_json::to_value(hint) {
            self.bytes += match &hint["devices"] {
                serde_json::Value::Array(devices) => devices.len() * 40,
                _ => 300 + hint["event"]["output"].as_str().map_or(0, |output| 2 * output.len()),
            };
            self.hints.push(hint);
        }
    }

    fn is_full(&self) -> bool {
        self.hints.len() >= HINTS_MAX || self.bytes >= FULL_BYTES
    }
}

/// Sends what is said here for as long as the store lives.
pub(crate) fn start(store: &Store, bus: Arc<dyn Bus>) {
    let mouth = store.mouth();
    if mouth.bus.set(Arc::clone(&bus)).is_err() {
        return;
    }
    let waiting = mouth.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    if let Some(waiting) = waiting {
        tokio::spawn(run(store.downgrade(), bus, waiting, store.events(), store.decisions()));
        store.tell(Hint::Here);
    }
}

async fn run(
    store: WeakStore,
    bus: Arc<dyn Bus>,
    mut waiting: mpsc::Receiver<Hint>,
    mut events: tokio::sync::broadcast::Receiver<entity::portal_event::PortalEvent>,
    mut decisions: tokio::sync::watch::Receiver<u64>,
) {
    loop {
        let mut gathered = Gathered::default();
        let mut is_whole = true;
        tokio::select! {
            hint = waiting.recv() => match hint {
                Some(hint) => gathered.add(&hint),
                None => return,
            },
            event = events.recv() => match event {
                Ok(event) => gathered.add(&Hint::Event { event }),
                Err(RecvError::Lagged(_)) => is_whole = false,
                Err(RecvError::Closed) => return,
            },
            changed = decisions.changed() => match changed {
                Ok(()) => gathered.add(&Hint::Decided),
                Err(_) => return,
            },
        }
        while !gathered.is_full()
            && let Ok(hint) = waiting.try_recv()
        {
            gathered.add(&hint);
        }
        while !gathered.is_full() {
            match events.try_recv() {
                Ok(event) => gathered.add(&Hint::Event { event }),
                Err(TryRecvError::Lagged(_)) => is_whole = false,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let Some(store) = store.upgrade() else { return };
        if !is_whole {
            store.mouth().skip();
        }
        send(&store, bus.as_ref(), gathered.hints);
    }
}

fn send(store: &Store, bus: &dyn Bus, hints: Vec<serde_json::Value>) {
    let mouth = store.mouth();
    let number = mouth.number.fetch_add(1, Ordering::Relaxed) + 1;
    let message = Message { node: store.node(), number, at: store.now().timestamp_millis(), hints };
    let is_sent = bus.is_connected()
        && match close(store, &message) {
            Ok(sealed) => bus.send(sealed),
            Err(error) => {
                tracing::error!(%error, "a message for the bus could not be sealed");
                false
            }
        };
    if is_sent { &mouth.sent } else { &mouth.lost }.fetch_add(1, Ordering::Relaxed);
}
