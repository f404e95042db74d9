//! The bus between server processes, over NATS. It carries sealed hints and is trusted with nothing: see `domain`'s
//! `bus`. It is tried again for ever, and losing it loses nothing but time.

mod config;

pub use config::BusConfig;

use anyhow::{Result, ensure};
use async_nats::{Client, ConnectOptions, Event, Subscriber};
use async_trait::async_trait;
use domain::{BUS_MESSAGE_BYTES_MAX, Bus, Store};
use futures::StreamExt as _;
use std::{
    hash::{BuildHasher as _, Hasher as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

/// Messages that may wait to be sent.
const OUTBOX_MAX: usize = 256;
/// Messages of others that may wait to be read; more are missed, which is noticed.
const INBOX_MAX: usize = 4096;
/// A connection that has been silent for so long is asked whether it is alive.
const PING_EVERY: Duration = Duration::from_secs(10);
/// How long one try to connect may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(4);
/// How long what was said last may take to be sent when the server ends.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// A client of NATS.
pub struct Nats {
    outbox: Mutex<Option<mpsc::Sender<String>>>,
    is_connected: Arc<AtomicBool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Nats {
    /// Begins to connect, and hands the bus to the store. Returns at once: a bus that cannot be reached yet, or any
    /// more, is tried again for ever.
    ///
    /// # Errors
    /// When the settings make no sense.
    pub async fn start(config: &BusConfig, store: &Store) -> Result<()> {
        ensure!(
            !store.is_alone(),
            "--bus is for several servers on one PostgreSQL, and this one keeps its data in a file; leave --bus out, or \
             name a PostgreSQL with --database-url"
        );
        let is_connected = Arc::<AtomicBool>::default();
        let options = config
            .apply(ConnectOptions::new())
            .name("reeve")
            .no_echo()
            .retry_on_initial_connect()
            .max_reconnects(None)
            .connection_timeout(CONNECT_WITHIN)
            .ping_interval(PING_EVERY)
            .subscription_capacity(INBOX_MAX)
            .reconnect_delay_callback(pause)
            .event_callback(follow(store.clone(), Arc::clone(&is_connected)));
        let client = options.connect(config.servers()).await?;
        let heard = client.subscribe(subject(store)).await?;
        let (outbox, waiting) = mpsc::channel(OUTBOX_MAX);
        let task = tokio::spawn(run(client, heard, waiting, store.clone()));
        let bus = Self { outbox: Mutex::new(Some(outbox)), is_connected, task: Mutex::new(Some(task)) };
        tracing::info!(servers = config.shown(), "the bus is tried");
        store.set_bus(Arc::new(bus));
        Ok(())
    }
}

/// Where the servers of one database meet. Others on the same NATS have another name, and other keys too.
fn subject(store: &Store) -> String {
    format!("reeve.v1.{}.hints", store.cluster())
}

/// A random pause before a try, longer after many: servers that lost the bus together do not come back in step.
fn pause(tries: usize) -> Duration {
    let doubled = Duration::from_millis(100).saturating_mul(1 << tries.min(10));
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    doubled.min(PAUSE_MAX).mul_f64(f64::from(random as u32 >> 8) / f64::from(1_u32 << 24))
}

/// What is done when the connection comes and goes.
fn follow(
    store: Store,
    is_connected: Arc<AtomicBool>,
) -> impl Fn(Event) -> std::future::Ready<()> + Send + Sync + 'static {
    // One line for each time that it goes, not for each try.
    let is_said = AtomicBool::new(false);
    move |event| {
        match event {
            Event::Connected => {
                is_connected.store(true, Ordering::Relaxed);
                is_said.store(false, Ordering::Relaxed);
                tracing::info!("the bus is there");
                store.missed();
            }
            Event::Disconnected | Event::Closed => {
                is_connected.store(false, Ordering::Relaxed);
                is_said.store(true, Ordering::Relaxed);
                tracing::warn!(
                    "the bus is gone; what other servers do is seen up to 30 seconds later until it is back"
                );
            }
            Event::SlowConsumer(_) => store.missed(),
            Event::ClientError(error) if !is_connected.load(Ordering::Relaxed) => {
                if !is_said.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the bus cannot be reached; the server goes on without and keeps trying");
                }
            }
            Event::ClientError(error) => tracing::debug!(%error, "the bus has a difficulty"),
            Event::ServerError(error) => tracing::warn!(%error, "the bus refuses something"),
            Event::LameDuckMode | Event::Draining => {}
        }
        std::future::ready(())
    }
}

/// Sends and listens until the outbox is closed.
async fn run(client: Client, mut heard: Subscriber, mut waiting: mpsc::Receiver<String>, store: Store) {
    let subject = subject(&store);
    loop {
        tokio::select! {
            message = waiting.recv() => {
                let Some(message) = message else { break };
                if let Err(error) = client.publish(subject.clone(), message.into()).await {
                    // Its number is missing now, which shows the others that they missed something.
                    tracing::debug!(%error, "a message was not taken by the bus");
                }
            }
            message = heard.next() => {
                let Some(message) = message else { break };
                if message.payload.len() <= BUS_MESSAGE_BYTES_MAX {
                    store.hear(&message.payload);
                }
            }
        }
    }
    let _ = timeout(FLUSH_WITHIN, client.flush()).await;
}

#[async_trait]
impl Bus for Nats {
    fn send(&self, message: String) -> bool {
        let outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        outbox.as_ref().is_some_and(|outbox| outbox.try_send(message).is_ok())
    }

    fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }

    async fn close(&self) {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the bus ended badly");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_never_longer_than_the_longest() {
        for tries in [0, 1, 5, 20, usize::MAX] {
            assert!(pause(tries) <= PAUSE_MAX, "{tries}");
        }
    }
}
