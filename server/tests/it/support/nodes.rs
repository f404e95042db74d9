//! Several servers on one PostgreSQL, in this process, with one clock.

use super::{
    PATIENCE,
    nats::Nats,
    people::Person,
    server::TestServer,
    world::{Engine, World},
};
use domain::{BusState, SessionSecret, Store, SystemCx};
use server::{
    Config, Server,
    bus::{BusConfig, Nats as Bus},
};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// Another server on the database of a first one.
pub struct Beside {
    pub store: Store,
    pub url: String,
    /// It runs for as long as this is here.
    _server: Server,
}

impl Beside {
    /// Somebody who signed in at the first server, and whom the balancer sends here.
    pub fn person(&self, secret: &SessionSecret) -> Person {
        Person::with_session(&self.url, secret)
    }
}

/// Another store on the database of a world, with the keys of its first.
pub async fn store_beside(world: &World) -> Store {
    let config = domain::Config {
        database_url: world.database_url.clone(),
        data_dir: world.folder().to_owned(),
        public_url: world.store.public_url().to_owned(),
        command_key_file: None,
    };
    Store::open(config, world.clock.clone()).await.expect("the store opens")
}

/// Two servers that share a database, and no bus yet.
pub async fn two() -> (TestServer, Beside) {
    let mut taken: Option<Config> = None;
    let first = TestServer::configured(Engine::Postgres, |config| {
        config.limits.actor = server::Rate::new(100_000, 1_000_000);
        taken = Some(config.clone());
    })
    .await;
    let config = taken.expect("settings");
    let store = store_beside(&first.world).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = Server::start(listener, store.clone(), config).await.expect("a server");
    (first, Beside { store, url, _server: server })
}

/// The same with a bus between them.
pub async fn two_with(nats: &Nats) -> (TestServer, Beside) {
    let (first, second) = two().await;
    for store in [first.store(), &second.store] {
        join(store, &nats.url()).await;
    }
    for store in [first.store(), &second.store] {
        until(|| store.bus_state() == BusState::Connected).await;
    }
    acquainted(&[first.store(), &second.store]).await;
    (first, second)
}

/// Hands a bus to a store.
pub async fn join(store: &Store, url: &str) {
    let config = BusConfig::new(url, None, None).expect("an address");
    Bus::start(&config, store).await.expect("a bus");
}

/// Waits until each has heard of the others: what was said while they came together is over.
pub async fn acquainted(stores: &[&Store]) {
    for store in stores {
        store.missed();
    }
    for store in stores {
        let before = store.bus_traffic().heard;
        let deadline = Instant::now() + PATIENCE;
        while store.bus_traffic().heard <= before {
            assert!(Instant::now() < deadline, "the others are not heard: {:?}", store.bus_traffic());
            stores.iter().for_each(|store| store.missed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Waits for something that another task does.
pub async fn until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it did not come about");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What a server does every two seconds.
pub async fn sweep(store: &Store) -> usize {
    domain::job::sweep_presence(&SystemCx::new(store, "test")).await.expect("sweeps")
}

/// What a server does every five.
pub async fn flush(store: &Store) {
    domain::job::flush_last_seen(&SystemCx::new(store, "test")).await.expect("writes");
}
