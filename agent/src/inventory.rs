//! Looks at services, software and facts, and hands over what the server does not have yet.

use crate::{chance, event::Events, facts, software, system_service};
use chrono::Utc;
use entity::{
    id::DeviceId,
    wire::{Event, FactsReport, Known, Services, Settings, Software},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::spawn_blocking,
    time::{Instant, sleep_until},
};

/// Something the server does not have yet.
#[derive(Clone, Debug, PartialEq)]
pub enum Parcel {
    /// The services.
    Services(Services),
    /// The software.
    Software(Software),
    /// The facts.
    Facts(Box<FactsReport>),
}

/// What looking needs.
#[derive(Debug)]
pub struct Inventory {
    /// The device, for its place within an interval.
    pub device: DeviceId,
    /// How often.
    pub settings: watch::Receiver<Settings>,
    /// What the server has; `None` while there is no link.
    pub known: watch::Receiver<Option<Known>>,
    /// Where parcels go.
    pub parcels: mpsc::Sender<Parcel>,
    /// Where events go.
    pub events: Events,
    /// Told of every event.
    pub work: Arc<Notify>,
    /// Somebody wants a look now.
    pub look: Arc<Notify>,
    /// Set once facts were gathered.
    pub has_facts: Arc<AtomicBool>,
}

/// What lasts from one look to the next: digests and marks, never the lists themselves.
#[derive(Debug, Default)]
struct Memory {
    watch: system_service::Watch,
    /// What the server has, or will have once what was handed over arrives.
    known: Option<Known>,
    /// Digest of the software, and the stamp it belongs to.
    software: Option<(String, String)>,
}

impl Inventory {
    /// Looks until it is dropped: at every interval, and whenever the server says what it has.
    pub async fn run(mut self) {
        let mut memory = Memory::default();
        let mut looked = Instant::now();
        let mut first = true;
        let place = 0.5 + 0.5 * chance::of(self.device, "inventory");
        loop {
            let interval =
                Duration::from_secs(u64::from(self.settings.borrow_and_update().inventory_interval_seconds));
            let due = looked + if first { interval.mul_f64(place) } else { interval };
            tokio::select! {
                () = sleep_until(due) => { first = false; looked = Instant::now(); }
                () = self.look.notified() => {}
                changed = self.known.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    memory.known.clone_from(&self.known.borrow_and_update());
                    if memory.known.is_none() {
                        continue;
                    }
                }
                changed = self.settings.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    continue;
                }
            }
            self.look(&mut memory).await;
        }
    }

    async fn look(&self, memory: &mut Memory) {
        if let Some(items) = system_service::list().await {
            let looked_after = self.looked_after();
            for name in memory.watch.crashed(&items) {
                // Told at once by whoever looks after it.
                if !looked_after.contains(&name) {
                    self.tell_of_crash(&name);
                }
            }
            let digest = digest(&items);
            if let Some(known) = &mut memory.known
                && known.services.as_ref() != Some(&digest)
            {
                known.services = Some(digest.clone());
                self.hand_over(Parcel::Services(Services {
                    manager: system_service::manager(),
                    digest,
                    items,
                }))
                .await;
            }
        }
        self.look_at_software(memory).await;
        if let Some(known) = &mut memory.known
            && let Ok(facts) = spawn_blocking(facts::gather).await
        {
            self.has_facts.store(true, Ordering::Relaxed);
            let digest = digest(&facts);
            if known.facts.as_ref() != Some(&digest) {
                known.facts = Some(digest.clone());
                self.hand_over(Parcel::Facts(Box::new(FactsReport { digest, facts }))).await;
            }
        }
    }

    async fn look_at_software(&self, memory: &mut Memory) {
        let Some(known) = &mut memory.known else { return };
        let stamp = software::stamp();
        if let (Some(stamp), Some((at, digest))) = (&stamp, &memory.software)
            && stamp == at
            && known.software.as_ref() == Some(digest)
        {
            return;
        }
        let Some(items) = software::list().await else { return };
        let digest = digest(&items);
        memory.software = stamp.map(|stamp| (stamp, digest.clone()));
        if known.software.as_ref() != Some(&digest) {
            known.software = Some(digest.clone());
            self.hand_over(Parcel::Software(Software { digest, items })).await;
        }
    }

    fn looked_after(&self) -> Vec<String> {
        let settings = self.settings.borrow();
        settings.monitored_services.iter().map(|setting| setting.service_name.clone()).collect()
    }

    fn tell_of_crash(&self, name: &str) {
        tracing::info!(service = name, "a service has crashed");
        let summary = format!("{name} was running and has failed");
        self.events.add(Event::plain(Utc::now(), "service_crashed", summary));
        self.work.notify_one();
    }

    async fn hand_over(&self, parcel: Parcel) {
        // It fails only when the agent is ending.
        let _ = self.parcels.send(parcel).await;
    }
}

/// SHA-256 over the JSON, hex. Lists are sorted, so the same things have the same digest.
fn digest(items: &impl Serialize) -> String {
    serde_json::to_vec(items).map_or_else(|_| String::new(), |json| hex::encode(Sha256::digest(json)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::facts::Facts;

    #[test]
    fn a_digest_changes_with_what_it_is_of() {
        let facts = Facts { hostname: "a".to_owned(), ..Facts::default() };
        assert_eq!(digest(&facts).len(), 64);
        assert_eq!(digest(&facts), digest(&facts.clone()));
        assert_ne!(digest(&facts), digest(&Facts::default()));
    }

    #[tokio::test]
    async fn only_what_the_server_lacks_is_handed_over() {
        let (parcels, mut received) = mpsc::channel(8);
        let (known, known_receiver) = watch::channel(None);
        let (_settings, settings) = watch::channel(Settings::default());
        let inventory = Inventory {
            device: DeviceId(uuid::Uuid::nil()),
            settings,
            known: known_receiver,
            parcels,
            events: Events::default(),
            work: Arc::new(Notify::new()),
            look: Arc::new(Notify::new()),
            has_facts: Arc::default(),
        };
        let task = tokio::spawn(inventory.run());
        known.send_replace(Some(Known::default()));
        let mut server = Known::default();
        loop {
            match received.recv().await.unwrap() {
                Parcel::Services(services) => server.services = Some(services.digest),
                Parcel::Software(software) => server.software = Some(software.digest),
                Parcel::Facts(facts) => {
                    server.facts = Some(facts.digest);
                    break;
                }
            }
        }
        known.send_replace(Some(Known { facts: None, ..server.clone() }));
        let again = loop {
            match received.recv().await.unwrap() {
                // A service of this machine may have started or ended in the meantime.
                Parcel::Services(services) if Some(&services.digest) != server.services.as_ref() => {}
                other => break other,
            }
        };
        assert!(matches!(again, Parcel::Facts(_)), "the rest is there already");
        task.abort();
    }
}
