//! A store on each engine with a clock that the test moves, and people to ask in the name of.

use super::postgres;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeZone as _, Utc};
use domain::{AgentCx, Cx, SessionSecret, Store, SystemCx, Visitor, access::SignIn, clock::ManualClock};
use ed25519_dalek::SigningKey;
use entity::{
    business::BusinessInput,
    factor::FactorPolicy,
    facts::Facts,
    id::{BusinessId, ServiceLocationId},
    platform::{Arch, Os},
    registration::{RegisterAnswer, RegisterRequest, RegistrationTokenInput},
    service_location::ServiceLocationInput,
    session::{LinkInput, SetupInput, SignInInput},
    user::{IssuedLink, Role, UserInput},
};
use std::sync::Arc;
use tempfile::TempDir;

/// Where the clock of every world stands at first.
pub fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).single().expect("a moment")
}

/// A password that people of a world choose.
pub const PASSWORD: &str = "correct horse battery staple";

/// Where people would reach a world that has no server.
const PUBLIC_URL: &str = "https://reeve.example";

/// A store of its own, with an admin, two businesses (there is always a neighbour) and a place in each.
pub struct World {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub admin: Cx,
    pub admin_secret: SessionSecret,
    pub business: BusinessId,
    pub location: ServiceLocationId,
    pub neighbour: BusinessId,
    pub neighbour_location: ServiceLocationId,
    /// For those who look at the database from outside.
    pub database_url: String,
    pub folder: Arc<TempDir>,
}

/// Runs a test on SQLite, then on PostgreSQL.
pub async fn each_engine<F: Future<Output = ()>>(test: impl Fn(World) -> F) {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let world = World::on(engine, PUBLIC_URL).await;
        // A test may take the world apart; its files stay until the test is over.
        let _folder = Arc::clone(&world.folder);
        test(world).await;
    }
}

pub fn visitor() -> Visitor {
    Visitor { source_ip: "192.0.2.7".to_owned(), user_agent: "test".to_owned(), request_id: None }
}

/// Which database a world stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file of its own.
    Sqlite,
    /// A database of its own in the cluster that this process started.
    Postgres,
}

impl World {
    pub async fn on_sqlite() -> Self {
        Self::on(Engine::Sqlite, PUBLIC_URL).await
    }

    pub async fn on(engine: Engine, public_url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database_url = match engine {
            Engine::Sqlite => format!("sqlite://{}?mode=rwc", folder.path().join("reeve.db").display()),
            Engine::Postgres => tokio::task::spawn_blocking(postgres::database).await.expect("a database"),
        };
        Self::at(folder, database_url, public_url).await
    }

    /// A world in a folder and a database of the test's own.
    pub async fn at(folder: TempDir, database_url: String, public_url: &str) -> Self {
        let clock = Arc::new(ManualClock::new(noon()));
        let config = domain::Config {
            database_url: database_url.clone(),
            data_dir: folder.path().to_owned(),
            public_url: public_url.to_owned(),
            command_key_file: None,
        };
        let store = Store::open(config, clock.clone()).await.expect("the store opens");
        let key = domain::access::new_setup_key(&store).await.expect("asks").expect("nobody is there yet");
        let setup = SetupInput {
            key,
            full_name: "Ada Admin".to_owned(),
            email: "ada@msp.example".to_owned(),
            password: PASSWORD.to_owned(),
        };
        let secret =
            domain::access::complete_setup(&store, &visitor(), setup).await.expect("the first admin");
        // Tests about second factors ask for them again.
        let job = SystemCx::new(&store, "test");
        domain::access::decide_factor_policy(&job, FactorPolicy::Nobody).await.expect("decided");
        let admin = cx(&store, &secret).await;
        let (business, location) = place(&admin, "Acme").await;
        let (neighbour, neighbour_location) = place(&admin, "Neighbour").await;
        Self {
            store,
            clock,
            admin,
            admin_secret: secret,
            business,
            location,
            neighbour,
            neighbour_location,
            database_url,
            folder: Arc::new(folder),
        }
    }

    /// Somebody new, signed in with a password of their own.
    pub async fn person(&self, role: Role, business: Option<BusinessId>, granted: &[BusinessId]) -> Cx {
        cx(&self.store, &self.session(role, business, granted).await).await
    }

    /// The session of somebody new.
    pub async fn session(
        &self,
        role: Role,
        business: Option<BusinessId>,
        granted: &[BusinessId],
    ) -> SessionSecret {
        let email = format!("{}-{}@people.example", role.word(), uuid::Uuid::now_v7());
        let input = UserInput {
            email: email.clone(),
            full_name: role.label().to_owned(),
            role,
            business_id: business,
            granted: granted.to_vec(),
            ..user_input()
        };
        let invited = domain::user::add(&self.admin_now().await.confirmed().expect("just now"), input)
            .await
            .expect("added");
        session_of(self.accept(&invited.link).await.expect("a first password"))
    }

    /// Uses a link with the usual password.
    pub async fn accept(&self, link: &IssuedLink) -> domain::Result<SignIn> {
        let key = link.url.as_deref().and_then(|url| url.split('#').nth(1)).expect("a link that is shown");
        let input = LinkInput { key: key.to_owned(), password: PASSWORD.to_owned() };
        domain::user::accept_link(&self.store, &visitor(), input).await
    }

    /// The admin, having just signed in: confirmed, whatever the clock says.
    pub async fn admin_now(&self) -> Cx {
        self.sign_in("ada@msp.example", PASSWORD).await.expect("signs in")
    }

    pub async fn sign_in(&self, email: &str, password: &str) -> domain::Result<Cx> {
        let input = SignInInput { email: email.to_owned(), password: password.to_owned() };
        let secret = session_of(domain::access::sign_in(&self.store, &visitor(), input).await?);
        domain::access::session_cx(&self.store, &visitor(), &secret).await
    }

    /// Where its keys and files are.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A token for the first business.
    pub async fn token(&self) -> String {
        let input = RegistrationTokenInput {
            business_id: self.business,
            service_location_id: Some(self.location),
            device_name: String::new(),
            expires_in_hours: None,
        };
        domain::registration::issue(&self.admin, input).await.expect("issued").token
    }

    /// A device of the first business, and its context.
    pub async fn device(&self) -> (RegisterAnswer, AgentCx) {
        let request = register_request(&self.token().await);
        let answer =
            domain::registration::register(&self.store, &visitor(), request).await.expect("registers");
        let agent = domain::agent_token::authenticate(&self.store, &answer.agent_token).await.expect("good");
        (answer, agent)
    }

    pub fn job(&self) -> SystemCx {
        SystemCx::new(&self.store, "test")
    }
}

/// The session of somebody who has no second factor.
#[track_caller]
pub fn session_of(arrived: SignIn) -> SessionSecret {
    match arrived {
        SignIn::Session(secret) => secret,
        SignIn::Factor(_) => panic!("a second factor is asked for"),
    }
}

/// Nobody in particular, to fill in what a test does not care about.
pub fn user_input() -> UserInput {
    UserInput {
        email: format!("{}@people.example", uuid::Uuid::now_v7()),
        full_name: "Somebody".to_owned(),
        role: Role::Contact,
        custom_role_id: None,
        extra_permissions: vec![],
        business_id: None,
        every_business: false,
        granted: vec![],
        granted_locations: vec![],
        denied: vec![],
        denied_locations: vec![],
    }
}

pub async fn cx(store: &Store, secret: &SessionSecret) -> Cx {
    domain::access::session_cx(store, &visitor(), secret).await.expect("a session")
}

/// What an agent with a new key would ask.
pub fn register_request(token: &str) -> RegisterRequest {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("randomness");
    let key = SigningKey::from_bytes(&seed);
    RegisterRequest {
        token: token.to_owned(),
        device_public_key: URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes()),
        hostname: "web-01".to_owned(),
        os_type: Os::Linux,
        os_architecture: Arch::X86_64,
        agent_version: "0.1.0".to_owned(),
        facts: Facts::default(),
    }
}

async fn place(admin: &Cx, name: &str) -> (BusinessId, ServiceLocationId) {
    let business = domain::business::add(admin, BusinessInput { business_name: name.to_owned() })
        .await
        .expect("a business");
    let input = ServiceLocationInput { location_name: "Main".to_owned(), ..ServiceLocationInput::default() };
    let location = domain::service_location::add(admin, business.id, input).await.expect("a place");
    (business.id, location.id)
}
