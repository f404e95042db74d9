//! A server in this process, on a port of its own, with a clock that the test moves.

use super::{
    PATIENCE,
    people::Person,
    world::{Engine, World},
};
use chrono::TimeDelta;
use domain::Store;
use entity::{
    id::{BusinessId, ServiceLocationId},
    portal_event::PortalEvent,
    registration::IssuedRegistrationToken,
    user::Role,
};
use serde_json::{Value, json};
use server::{ArtifactsAt, Config, Limits, Rate, Server};
use std::{fs, path::Path, sync::Once};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::broadcast, time::timeout};

/// A business with a service location.
#[derive(Clone, Copy, Debug)]
pub struct Estate {
    pub business: BusinessId,
    pub location: ServiceLocationId,
}

/// A server with an admin and two businesses: there is always a neighbour.
pub struct TestServer {
    pub world: World,
    pub url: String,
    pub admin: Person,
    pub ours: Estate,
    pub theirs: Estate,
    server: Option<Server>,
    _folder: TempDir,
}

/// Runs a test on SQLite, then on PostgreSQL.
pub async fn each_engine(test: impl AsyncFn(TestServer)) {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        test(TestServer::on(engine).await).await;
    }
}

impl TestServer {
    /// A server on SQLite.
    pub async fn start() -> Self {
        Self::on(Engine::Sqlite).await
    }

    /// A server on a chosen database, on which a test may ask as much as it likes.
    pub async fn on(engine: Engine) -> Self {
        let plenty = Rate::new(100_000, 1_000_000);
        let limits =
            Limits { actor: plenty, tenant: plenty, stranger: plenty, device: plenty, ..Limits::default() };
        Self::limited(engine, limits).await
    }

    /// A server on which nobody may ask more than this.
    pub async fn limited(engine: Engine, limits: Limits) -> Self {
        Self::configured(engine, |config| config.limits = limits).await
    }

    /// A server with other settings.
    pub async fn configured(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        Self::upon(async |url| World::on(engine, &url).await, change).await
    }

    /// A server upon a world that the test makes for its URL.
    pub async fn upon(world: impl AsyncFnOnce(String) -> World, change: impl FnOnce(&mut Config)) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // What asks buckets may have been there first, with the same one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let world = world(url.clone()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config {
            agents_dir: folder.path().join("agents"),
            artifacts: ArtifactsAt::Folder(folder.path().join("artifacts")),
            site_root: folder.path().join("site"),
            ..Config::at(&url)
        };
        change(&mut config);
        write_programs(&config.agents_dir);
        write_site(&config.site_root);
        let server = Server::start(listener, world.store.clone(), config).await.expect("a server");
        Self {
            admin: Person::with_session(&url, &world.admin_secret),
            ours: Estate { business: world.business, location: world.location },
            theirs: Estate { business: world.neighbour, location: world.neighbour_location },
            server: Some(server),
            world,
            url,
            _folder: folder,
        }
    }

    /// The store below the server.
    pub const fn store(&self) -> &Store {
        &self.world.store
    }

    /// A signed-in person. The customer's people belong to the business, a technician is granted it.
    pub async fn person(&self, role: Role, estate: Estate) -> Person {
        let granted = if role == Role::Technician { vec![estate.business] } else { vec![] };
        let home = (!role.is_msp()).then_some(estate.business);
        Person::with_session(&self.url, &self.world.session(role, home, &granted).await)
    }

    /// Somebody who is not signed in.
    pub fn stranger(&self) -> Person {
        Person::stranger(&self.url)
    }

    /// A registration token for a business.
    pub async fn token(&self, estate: Estate) -> IssuedRegistrationToken {
        let asked = json!({"business_id": estate.business, "service_location_id": estate.location});
        self.admin.post("/agents/registration-tokens", &asked).await.expect(201)
    }

    /// Does what happens every few seconds, at once.
    pub async fn sweep(&self) {
        domain::job::sweep_presence(&self.world.job()).await.expect("swept");
    }

    /// Moves the clock.
    pub fn advance(&self, seconds: i64) {
        self.world.clock.advance(TimeDelta::seconds(seconds));
    }

    /// Stops it as an operator would.
    pub async fn stop(&mut self) {
        self.server.take().expect("it runs").stop().await.expect("an orderly end");
    }
}

/// Waits for an event that a page would be told.
pub async fn event(
    events: &mut broadcast::Receiver<PortalEvent>,
    wanted: impl Fn(&PortalEvent) -> bool,
) -> PortalEvent {
    let search = async {
        loop {
            let event = events.recv().await.expect("an event");
            if wanted(&event) {
                return event;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("the event in time")
}

/// The least that a portal needs; its own tests look at the rest.
pub fn write_site(root: &Path) {
    fs::create_dir_all(root.join("pkg")).expect("a folder");
    fs::create_dir_all(root.join("fonts")).expect("a folder");
    for file in ["pkg/reeve.js", "pkg/reeve.wasm", "pkg/reeve.css", "fonts/a.woff2", "robots.txt"] {
        fs::write(root.join(file), file).expect("written");
    }
    fs::write(root.join("pkg/reeve.js.br"), "compressed").expect("written");
}

fn write_programs(folder: &Path) {
    fs::create_dir(folder).expect("a folder");
    for program in ["reeve-agent", "reeve-updater"] {
        fs::write(folder.join(format!("{program}-linux-x86_64")), program).expect("written");
    }
    fs::write(folder.join("reeve-agent_amd64.deb"), "a package").expect("written");
}

/// A field of an answer, as its type.
pub fn field<T: serde::de::DeserializeOwned>(value: &Value, name: &str) -> T {
    serde_json::from_value(value[name].clone()).unwrap_or_else(|error| panic!("{name} of {value}: {error}"))
}
