//! Backups: taken while the server goes on, complete, refused when anything about them was changed, and restored to
//! either engine with everything that people and agents had.

mod line;
mod place;
mod tamper;

use crate::{
    metric::{append, sample},
    support::world::{Engine, PASSWORD, World, cx, noon, visitor},
};
use chrono::Duration;
use domain::{
    AgentCx, Store,
    access::SignIn,
    backup::{Destination, Origin, Source, Taken, Target, Watch, restore, take},
};
use entity::{
    business::BusinessInput,
    factor::CodeInput,
    id::BusinessId,
    metric::{HistoryQuery, Metric},
    session::SignInInput,
};
use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tempfile::TempDir;
use totp_rs::{Builder, Secret};

/// A backup of a world.
async fn back_up(world: &World, file: &Path) -> domain::Result<Taken> {
    let source = Source {
        database_url: world.database_url.clone(),
        data_dir: Some(world.folder().to_owned()),
        with_command_keys: true,
    };
    let destination = Destination::File { file: file.to_owned(), scratch: None };
    take(&source, &destination, world.store.clock(), &Watch::silent()).await
}

/// An empty place of either engine.
async fn empty(engine: Engine, folder: &TempDir) -> Target {
    let data_dir = folder.path().join("restored");
    let database_url = match engine {
        Engine::Sqlite => format!("sqlite://{}?mode=rwc", data_dir.join("reeve.db").display()),
        Engine::Postgres => {
            tokio::task::spawn_blocking(crate::support::postgres::database).await.expect("a database")
        }
    };
    Target { database_url, data_dir }
}

/// The store of what was restored.
async fn open(target: &Target, world: &World) -> Store {
    let config = domain::Config {
        database_url: target.database_url.clone(),
        data_dir: target.data_dir.clone(),
        public_url: world.store.public_url().to_owned(),
        command_key_file: None,
    };
    Store::open(config, world.clock.clone()).await.expect("opens")
}

/// Everything in a folder but what `known` names.
fn others_in(folder: &Path, known: &[&str]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_other = |path: &PathBuf| !known.iter().any(|name| path.ends_with(name));
    entries.map(|entry| entry.path()).filter(is_other).collect()
}

/// Adds businesses and samples until it is told to stop. Each is written down once it was acknowledged.
async fn go_on(world: &World, agent: &AgentCx, acked: &Mutex<Vec<BusinessId>>, stop: &AtomicBool) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        append(agent, vec![sample(noon() - Duration::seconds(number), 1.0)]).await.expect("stored");
        let input = BusinessInput { business_name: format!("Business {number}") };
        let added = domain::business::add(&world.admin, input).await.expect("added");
        acked.lock().expect("no panic").push(added.id);
    }
}

/// Takes a backup while others write, and says what was acknowledged when it began, and in all.
async fn take_under_load(world: &World, agent: &AgentCx, file: &Path) -> (Taken, usize, Vec<BusinessId>) {
    let (acked, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let count = || acked.lock().expect("no panic").len();
    let take = async {
        while count() < 20 {
            tokio::task::yield_now().await;
        }
        let before = count();
        let taken = back_up(world, file).await.expect("taken");
        assert!(count() > before, "nobody has to wait for a backup");
        stop.store(true, Ordering::Relaxed);
        (taken, before)
    };
    let ((), (taken, before)) = tokio::join!(go_on(world, agent, &acked, &stop), take);
    (taken, before, acked.into_inner().expect("no panic"))
}

async fn points(store: &Store, world: &World, device: entity::id::DeviceId) -> usize {
    let query = HistoryQuery {
        metrics: vec![Metric::CpuPercent],
        start: noon() - Duration::hours(1),
        end: noon(),
        interval_seconds: Some(1),
    };
    let admin = cx(store, &world.admin_secret).await;
    let history = domain::metric::history(&admin, device, &query).await.expect("a history");
    history.series[0].points.len()
}

async fn under_load(from: Engine) {
    let world = World::on(from, "https://reeve.example").await;
    let (device, agent) = world.device().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("backup.tar.zst");
    let (taken, before, acked) = take_under_load(&world, &agent, &file).await;
    assert_eq!((taken.unnoted, &taken.manifest.audit.broken), (None, &None));
    let head = Some(taken.manifest.audit.head.as_str());
    let checked = domain::audit::verify_database(&world.database_url, head).await.expect("checked");
    assert_eq!(checked.chain.broken, None, "the chain of the backup is a part of that of the server");
    assert_eq!(others_in(folder.path(), &["backup.tar.zst"]), Vec::<PathBuf>::new(), "left behind");

    for to in [Engine::Sqlite, Engine::Postgres] {
        let folder = tempfile::tempdir().expect("a folder");
        let target = empty(to, &folder).await;
        let origin = Origin::File(file.clone());
        let restored =
            restore(&origin, &target, world.store.clock(), &Watch::silent()).await.expect("restored");
        assert!(!restored.was_older && restored.dangling.is_empty());
        let found = domain::audit::verify_database(&target.database_url, head).await.expect("checked");
        assert_eq!((found.chain.broken, found.dangling), (None, vec![]), "{from:?} to {to:?}");
        assert_eq!(found.chain.entries, taken.manifest.audit.entries + 1, "it says that it was restored");
        let left = others_in(&target.data_dir, &["keys", "reeve.db"]);
        assert_eq!(left, Vec::<PathBuf>::new(), "left behind");

        // What was acknowledged before is there, and what is there is a beginning of what was acknowledged.
        let store = open(&target, &world).await;
        let admin = cx(&store, &world.admin_secret).await;
        let mut kept = 0;
        for id in &acked {
            let is_there = domain::business::get(&admin, *id).await.is_ok();
            assert!(!is_there || kept == acked.iter().position(|other| other == id).expect("it is one"));
            kept += usize::from(is_there);
        }
        assert!(kept >= before, "{kept} businesses are there, {before} were acknowledged before");
        let points = points(&store, &world, device.agent_id).await;
        assert!(points == kept || points == kept + 1, "{points} samples beside {kept} businesses");
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_sqlite_under_load_holds_everything_acknowledged_before() {
    under_load(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_postgres_under_load_holds_everything_acknowledged_before() {
    under_load(Engine::Postgres).await;
}

/// What an authenticator app shows.
fn shown(app: &totp_rs::Totp, world: &World) -> CodeInput {
    let at = u64::try_from(world.store.clock().now().timestamp()).expect("after 1970");
    CodeInput { code: app.generate(at).to_string() }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_agents_go_on_where_they_were() {
    for (from, to) in [(Engine::Sqlite, Engine::Postgres), (Engine::Postgres, Engine::Sqlite)] {
        let world = World::on(from, "https://reeve.example").await;
        let (device, _) = world.device().await;
        let setup = domain::factor::begin_totp(&world.admin).await.expect("begun");
        let secret = Secret::try_from_base32(&setup.secret).expect("base 32");
        let app = Builder::new().with_secret(secret).build().expect("an app");
        domain::factor::confirm_totp(&world.admin, shown(&app, &world)).await.expect("set up");
        world.clock.advance(Duration::seconds(30));

        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("backup.tar.zst");
        back_up(&world, &file).await.expect("taken");
        let target = empty(to, &folder).await;
        restore(&Origin::File(file), &target, world.store.clock(), &Watch::silent()).await.expect("restored");
        let store = open(&target, &world).await;

        // A session, an agent's token, and a sealed secret.
        assert_eq!(cx(&store, &world.admin_secret).await.me().email, "ada@msp.example");
        let agent = domain::agent_token::authenticate(&store, &device.agent_token).await.expect("good");
        assert_eq!(append(&agent, vec![sample(noon(), 3.0)]).await.expect("stored").received, 1);
        let input = SignInInput { email: "ada@msp.example".to_owned(), password: PASSWORD.to_owned() };
        let SignIn::Factor(half) =
            domain::access::sign_in(&store, &visitor(), input).await.expect("the password is good")
        else {
            panic!("the second factor was lost");
        };
        domain::factor::sign_in_with_code(&store, &visitor(), &half, shown(&app, &world))
            .await
            .expect("the secret of the app opens");
        store.close().await;
    }
}
