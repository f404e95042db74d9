//! Which devices hold a socket here, how to wake one and how to end one: one seat per device, the newest socket has it.

use domain::Courier;
use entity::{id::DeviceId, presence::DisconnectReason};
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{Notify, mpsc, oneshot};

/// Why a session has to leave its seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Say goodbye, with this reason.
    Goodbye(DisconnectReason),
    /// The device has opened another socket.
    Replaced,
}

/// The devices whose sockets end in this process.
pub(crate) struct Registry(Mutex<Seats>);

struct Seats {
    taken: HashMap<DeviceId, Taken>,
    next: u64,
    /// Every session holds a clone; gone once the registry is closed.
    alive: Option<mpsc::Sender<Infallible>>,
    /// Ends when every session has.
    ended: Option<mpsc::Receiver<Infallible>>,
}

/// A seat as the registry sees it.
struct Taken {
    number: u64,
    order: oneshot::Sender<Leave>,
    look: Arc<Notify>,
}

impl Default for Registry {
    fn default() -> Self {
        let (alive, ended) = mpsc::channel(1);
        Self(Mutex::new(Seats { taken: HashMap::new(), next: 0, alive: Some(alive), ended: Some(ended) }))
    }
}

/// A device's place in the registry, until it is dropped.
pub(super) struct Seat {
    registry: Arc<Registry>,
    device: DeviceId,
    number: u64,
    /// Resolves when the session has to leave.
    pub(super) leave: oneshot::Receiver<Leave>,
    /// Notified when the database may have something new for the device.
    pub(super) look: Arc<Notify>,
    _alive: mpsc::Sender<Infallible>,
}

impl Registry {
    /// Takes the device's seat, from its former socket if there is one. `None` when the server stops.
    pub(super) fn sit(self: Arc<Self>, device: DeviceId) -> Option<Seat> {
        let mut seats = self.seats();
        let alive = seats.alive.clone()?;
        let (order, leave) = oneshot::channel();
        let number = seats.next;
        seats.next += 1;
        let look = Arc::<Notify>::default();
        let taken = Taken { number, order, look: Arc::clone(&look) };
        if let Some(former) = seats.taken.insert(device, taken) {
            // A session that is ending by itself no longer listens.
            let _ = former.order.send(Leave::Replaced);
        }
        drop(seats);
        Some(Seat { registry: self, device, number, leave, look, _alive: alive })
    }

    /// Says goodbye to every agent, takes no more, and waits until all sessions have ended.
    pub(crate) async fn close(&self) {
        let ended = {
            let mut seats = self.seats();
            seats.alive = None;
            for (_, taken) in seats.taken.drain() {
                let _ = taken.order.send(Leave::Goodbye(DisconnectReason::ServerStopped));
            }
            seats.ended.take()
        };
        if let Some(mut ended) = ended {
            // Nothing is ever sent: this returns when the last session has dropped its sender.
            ended.recv().await;
        }
    }

    fn seats(&self) -> std::sync::MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Courier for Registry {
    fn disconnect(&self, device: DeviceId, reason: DisconnectReason) {
        if let Some(taken) = self.seats().taken.remove(&device) {
            let _ = taken.order.send(Leave::Goodbye(reason));
        }
    }

    fn wake(&self, device: DeviceId) {
        if let Some(taken) = self.seats().taken.get(&device) {
            taken.look.notify_one();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.registry.seats();
        // The seat may be another socket's by now.
        if seats.taken.get(&self.device).is_some_and(|taken| taken.number == self.number) {
            seats.taken.remove(&self.device);
        }
    }
}
