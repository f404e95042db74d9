//! Nothing is ever overwritten, and what was there is as it was.

use super::{back_up, empty, others_in};
use crate::support::world::{Engine, World};
use domain::backup::{Origin, Target, Watch, restore, transfer};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

async fn refused(world: &World, file: &Path, target: &Target, named: &str) {
    let origin = Origin::File(file.to_owned());
    let error = restore(&origin, target, world.store.clock(), &Watch::silent()).await.expect_err(named);
    let error = error.to_string();
    assert!(error.contains(named) && error.contains("nothing is overwritten"), "{error}");
}

async fn world_with_backup() -> (World, TempDir, PathBuf) {
    let world = World::on_sqlite().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("backup.tar.zst");
    back_up(&world, &file).await.expect("taken");
    (world, folder, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_overwrites_nothing() {
    let (world, folder, file) = world_with_backup().await;
    let target = empty(Engine::Sqlite, &folder).await;
    for (taken, named) in [
        ("reeve.db", "reeve.db exists"),
        ("reeve.db-wal", "reeve.db-wal exists"),
        ("keys/seal.key", "seal.key exists"),
        ("keys/other.key", "other.key exists"),
    ] {
        fs::create_dir_all(target.data_dir.join("keys")).expect("made");
        fs::write(target.data_dir.join(taken), "mine").expect("written");
        refused(&world, &file, &target, named).await;
        assert_eq!(fs::read_to_string(target.data_dir.join(taken)).expect("read"), "mine");
        fs::remove_file(target.data_dir.join(taken)).expect("removed");
        assert_eq!(others_in(&target.data_dir, &["keys"]), Vec::<PathBuf>::new());
    }
    // The backup itself, too.
    let bytes = fs::read(&file).expect("read");
    let error = back_up(&world, &file).await.expect_err("refused").to_string();
    assert!(error.contains("exists already"), "{error}");
    assert_eq!(fs::read(&file).expect("read"), bytes);

    // A database in which a server has been.
    let served = World::on(Engine::Postgres, "https://reeve.example").await;
    let before = domain::audit::verify_database(&served.database_url, None).await.expect("checked");
    let taken = Target { database_url: served.database_url.clone(), data_dir: folder.path().join("other") };
    refused(&world, &file, &taken, "PostgreSQL database is not empty").await;
    assert!(!taken.data_dir.exists());
    let after = domain::audit::verify_database(&served.database_url, None).await.expect("checked");
    assert_eq!(before, after);

    // Nothing of all that was in the way of doing it right.
    let origin = Origin::File(file);
    restore(&origin, &target, world.store.clock(), &Watch::silent()).await.expect("restored");
    refused_again(&world, &origin, &target).await;
}

async fn refused_again(world: &World, origin: &Origin, target: &Target) {
    let key = fs::read(target.data_dir.join("keys/seal.key")).expect("a key");
    restore(origin, target, world.store.clock(), &Watch::silent()).await.expect_err("it is there");
    assert_eq!(fs::read(target.data_dir.join("keys/seal.key")).expect("a key"), key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_to_postgres_and_back_brings_the_same_rows() {
    let world = World::on_sqlite().await;
    let (_, agent) = world.device().await;
    let sample = crate::metric::sample(crate::support::world::noon(), 1.5);
    crate::metric::append(&agent, vec![sample]).await.expect("stored");
    let folder = tempfile::tempdir().expect("a folder");
    let there = empty(Engine::Postgres, &folder).await.database_url;
    let back = format!("sqlite://{}", folder.path().join("back.db").display());
    let (clock, watch) = (world.store.clock(), Watch::silent());

    let running = transfer(&world.database_url, &there, false, clock, &watch).await;
    let error = running.expect_err("the server runs").to_string();
    assert!(error.contains("Stop the server first"), "{error}");
    world.store.close().await;

    let moved = transfer(&world.database_url, &there, false, clock, &watch).await.expect("moved");
    assert_eq!((&moved.broken, &moved.unnoted), (&None, &None));
    assert!(moved.rows() > 10);
    let again = transfer(&world.database_url, &there, false, clock, &watch).await;
    assert!(again.expect_err("refused").to_string().contains("not empty"));

    let returned = transfer(&there, &back, false, clock, &watch).await.expect("moved back");
    let changed: Vec<_> = moved
        .tables
        .iter()
        .zip(&returned.tables)
        .filter(|(there, back)| there != back)
        .map(|(there, _)| there.table.as_str())
        .collect();
    // The move itself is in the log.
    assert_eq!(changed, ["audit_entries", "audit_head"]);
    let found = domain::audit::verify_database(&back, None).await.expect("checked");
    assert_eq!((found.chain.broken, found.dangling), (None, vec![]));
    let again = transfer(&there, &back, false, clock, &watch).await;
    assert!(again.expect_err("refused").to_string().contains("exists already"));
    let same = transfer(&back, &back, false, clock, &watch).await;
    assert!(same.expect_err("refused").to_string().contains("same database"));
}
