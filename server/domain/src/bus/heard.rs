//! Listening: a message of another process makes this one look, and gives it nothing that it would not find by itself.

use super::{Hint, message};
use crate::Store;
use chrono::{DateTime, Duration, Utc};
use entity::{
    id::{DeviceId, NodeId},
    portal_event::PortalEvent,
    presence::{DisconnectReason, Presence},
};
use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{broadcast, watch};

/// Events that a slow page may be behind before it is told to look anew.
const EVENTS_KEPT: usize = 1024;
/// Processes whose numbers are remembered; there are never as many.
const NODES_MAX: usize = 256;
/// Devices that one hint may wake.
pub(super) const WOKEN_MAX: usize = 500;
/// Between two parts of a fleet that is woken: ten thousand devices take four seconds.
const BETWEEN_PARTS: std::time::Duration = std::time::Duration::from_millis(200);
/// Strangers on the bus are in the log no more often than this.
const SAID_EVERY: Duration = Duration::minutes(1);

/// What this process hears.
pub(crate) struct Ears {
    events: broadcast::Sender<PortalEvent>,
    decided: watch::Sender<u64>,
    missed: watch::Sender<u64>,
    /// The last number of each process, and when it was heard.
    numbers: Mutex<HashMap<NodeId, (u64, DateTime<Utc>)>>,
    said: Mutex<Option<DateTime<Utc>>>,
    pub(super) heard: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) gaps: AtomicU64,
}

impl Default for Ears {
    fn default() -> Self {
        Self {
            events: broadcast::Sender::new(EVENTS_KEPT),
            decided: watch::Sender::default(),
            missed: watch::Sender::default(),
            numbers: Mutex::default(),
            said: Mutex::default(),
            heard: AtomicU64::default(),
            refused: AtomicU64::default(),
            gaps: AtomicU64::default(),
        }
    }
}

/// How a message fits to those before it.
enum Order {
    /// It is the next, or the first.
    Next,
    /// Others are missing before it.
    Later,
    /// It was heard before.
    Repeated,
}

impl Ears {
    pub(crate) fn events(&self) -> broadcast::Receiver<PortalEvent> {
        self.events.subscribe()
    }

    pub(crate) fn decided(&self) -> watch::Receiver<u64> {
        self.decided.subscribe()
    }

    pub(crate) fn missed(&self) -> watch::Receiver<u64> {
        self.missed.subscribe()
    }

    fn order(&self, node: NodeId, number: u64, now: DateTime<Utc>) -> Order {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let last = numbers.get(&node).map(|(last, _)| *last);
        if last.is_some_and(|last| number <= last) {
            return Order::Repeated;
        }
        if last.is_none()
            && numbers.len() >= NODES_MAX
            && let Some(oldest) = numbers.iter().min_by_key(|(_, (_, at))| *at).map(|(node, _)| *node)
        {
            numbers.remove(&oldest);
        }
        numbers.insert(node, (number, now));
        if last.is_none_or(|last| last + 1 == number) { Order::Next } else { Order::Later }
    }

    fn refuse(&self, now: DateTime<Utc>) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|at| at + SAID_EVERY <= now) {
            *said = Some(now);
            tracing::warn!(
                "the bus carries messages that are not of this database's servers; they are ignored"
            );
        }
    }
}

/// Takes a message.
pub(super) fn hear(store: &Store, sealed: &[u8]) {
    let (ears, now) = (store.ears(), store.now());
    let Some(message) = message::open(store, sealed) else { return ears.refuse(now) };
    if message.node == store.node() {
        return;
    }
    match ears.order(message.node, message.number, now) {
        Order::Repeated => return ears.refuse(now),
        Order::Later => missed(store),
        Order::Next => {}
    }
    ears.heard.fetch_add(1, Ordering::Relaxed);
    for hint in message.hints() {
        follow(store, hint);
    }
}

/// Messages were missed: pages look anew. Sockets ask by themselves twice a minute.
pub(super) fn missed(store: &Store) {
    store.ears().gaps.fetch_add(1, Ordering::Relaxed);
    store.ears().missed.send_modify(|count| *count += 1);
}

fn follow(store: &Store, hint: Hint) {
    match hint {
        Hint::Event { event } => {
            // What another process wrote about a device that is here is looked at again with the next sweep.
            if let PortalEvent::Presence { device_id, presence, .. } = &event
                && *presence != Presence::Online
            {
                store.tracker().stored(*device_id, *presence);
            }
            let _ = store.ears().events.send(event);
        }
        Hint::Decided => store.ears().decided.send_modify(|count| *count += 1),
        Hint::Wake { devices } => {
            if let Some(courier) = store.courier() {
                devices.into_iter().take(WOKEN_MAX).for_each(|device| courier.wake(device));
            }
        }
        Hint::ProviderChanged { provider } => store.directory().forget(provider),
        Hint::Here | Hint::Unknown => {}
    }
}

impl Store {
    /// Tells the sessions of these devices, wherever they are, that the database has something new for them. Those of a
    /// whole fleet are told a part at a time: each asks the database, and they would all ask at once.
    pub fn wake(&self, devices: &[DeviceId]) {
        let (first, rest) = devices.split_at(devices.len().min(WOKEN_MAX));
        self.wake_now(first);
        if rest.is_empty() {
            return;
        }
        // What is not told before this process ends is found by the sessions' own looks.
        let (store, rest) = (self.downgrade(), rest.to_vec());
        tokio::spawn(async move {
            for some in rest.chunks(WOKEN_MAX) {
                tokio::time::sleep(BETWEEN_PARTS).await;
                let Some(store) = store.upgrade() else { return };
                store.wake_now(some);
            }
        });
    }

    fn wake_now(&self, devices: &[DeviceId]) {
        if let Some(courier) = self.courier() {
            devices.iter().for_each(|device| courier.wake(*device));
        }
        self.wake_elsewhere(devices);
    }

    /// The same for sessions in other processes.
    pub(crate) fn wake_elsewhere(&self, devices: &[DeviceId]) {
        for some in devices.chunks(WOKEN_MAX) {
            self.tell(Hint::Wake { devices: some.to_vec() });
        }
    }

    /// Ends the sockets of these devices: here at once and with this reason, elsewhere as soon as they have looked
    /// into the database, which has to say the same.
    pub(crate) fn part(&self, devices: &[DeviceId], reason: DisconnectReason) {
        if let Some(courier) = self.courier() {
            devices.iter().for_each(|device| courier.disconnect(*device, reason));
        }
        self.wake_elsewhere(devices);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Courier, store::tests::estate};
    use std::{collections::HashSet, sync::Arc};

    #[derive(Default)]
    struct Woken(Mutex<Vec<DeviceId>>);

    impl Woken {
        fn devices(&self) -> Vec<DeviceId> {
            self.0.lock().expect("not poisoned").clone()
        }
    }

    impl Courier for Woken {
        fn disconnect(&self, _: DeviceId, _: DisconnectReason) {}

        fn wake(&self, device: DeviceId) {
            self.0.lock().expect("not poisoned").push(device);
        }
    }

    #[tokio::test]
    async fn a_fleet_is_woken_a_part_at_a_time_and_nobody_is_left_out() {
        let estate = estate::Estate::on(estate::Engine::Sqlite).await;
        let woken = Arc::<Woken>::default();
        estate.store.set_courier(woken.clone());
        let devices: Vec<DeviceId> = (0..WOKEN_MAX * 2 + 7).map(|_| DeviceId::generate()).collect();
        estate.store.wake(&devices);
        assert_eq!(woken.devices(), devices[..WOKEN_MAX], "a part at once");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while woken.devices().len() < devices.len() {
            assert!(std::time::Instant::now() < deadline, "the rest is not woken within 20 s");
            tokio::time::sleep(BETWEEN_PARTS / 10).await;
        }
        let once: HashSet<DeviceId> = woken.devices().into_iter().collect();
        assert_eq!((once.len(), woken.devices().len()), (devices.len(), devices.len()));
    }
}
