//! Servers on one database have the same keys, or do not start.

use crate::support::world::{World, each_engine};
use domain::{Store, clock::ManualClock};
use std::{fs, path::Path, sync::Arc};

/// Every file that belongs to a database.
const KEYS: [&str; 4] = ["agent-token.key", "seal.key", "command-root.key", "command.key"];

fn config(database_url: &str, data_dir: &Path) -> domain::Config {
    domain::Config {
        database_url: database_url.to_owned(),
        data_dir: data_dir.to_owned(),
        public_url: "https://reeve.example".to_owned(),
        command_key_file: None,
    }
}

async fn open(database_url: &str, data_dir: &Path) -> domain::Result<Store> {
    let clock = Arc::new(ManualClock::new(crate::support::world::noon()));
    Store::open(config(database_url, data_dir), clock).await
}

pub(super) fn copy_keys(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("keys")).expect("a folder");
    for file in KEYS {
        fs::copy(from.join("keys").join(file), to.join("keys").join(file)).expect("copied");
    }
}

#[tokio::test]
async fn a_server_with_other_keys_does_not_start_and_says_what_to_do() {
    each_engine(|world| async move {
        let folder = tempfile::tempdir().expect("a folder");
        let refusal = async || {
            let Err(error) = open(&world.database_url, folder.path()).await else { panic!("it started") };
            error.to_string()
        };
        let missing = refusal().await;
        assert!(missing.contains("agent-token.key is missing") && missing.contains("copy"), "{missing}");
        assert!(!folder.path().join("keys").exists(), "no key is made that would have to go again");

        copy_keys(world.folder(), folder.path());
        open(&world.database_url, folder.path()).await.expect("the same keys").close().await;

        for file in ["command.key", "command-root.key"] {
            fs::remove_file(folder.path().join("keys").join(file)).expect("removed");
        }
        let missing = refusal().await;
        assert!(missing.contains("command.key is missing"), "{missing}");
        // Another root, whose word no device takes.
        fs::write(folder.path().join("keys/command-root.key"), "22".repeat(32)).expect("written");
        let other = refusal().await;
        assert!(other.contains("command-root.key is not the one") && !other.contains("2222"), "{other}");
        fs::remove_file(folder.path().join("keys/command.key")).expect("made of the other root");

        for file in ["agent-token.key", "seal.key"] {
            copy_keys(world.folder(), folder.path());
            fs::write(folder.path().join("keys").join(file), "11".repeat(32)).expect("written");
            let other = refusal().await;
            assert!(other.contains(&format!("{file} is not the one")), "{other}");
            assert!(!other.contains("1111"), "a key is in no message");
        }
    })
    .await;
}

#[tokio::test]
async fn lost_keys_can_be_done_without() {
    each_engine(|world| async move {
        let folder = tempfile::tempdir().expect("a folder");
        domain::accept_keys(&config(&world.database_url, folder.path())).await.expect("accepted");
        open(&world.database_url, folder.path()).await.expect("starts").close().await;
        assert!(
            open(&world.database_url, world.folder()).await.is_err(),
            "and the former ones are not good any more"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_on_a_new_database_agree() {
    let seed = World::on_sqlite().await;
    let url = tokio::task::spawn_blocking(crate::support::postgres::database).await.expect("a database");
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().expect("a folder")).collect();
    let opened = folders.iter().map(|folder| {
        copy_keys(seed.folder(), folder.path());
        let (url, folder) = (url.clone(), folder.path().to_owned());
        tokio::spawn(async move { open(&url, &folder).await })
    });
    let mut names = Vec::new();
    for store in opened.collect::<Vec<_>>() {
        names.push(store.await.expect("ends").expect("starts").cluster().to_owned());
    }
    names.dedup();
    assert_eq!(names.len(), 1, "one database has one name");
}
