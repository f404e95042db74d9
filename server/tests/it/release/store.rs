//! Where files lie: a folder, S3 and Azure Blob keep the same promises, tried against real servers.

use crate::support::{
    PATIENCE,
    agent::FakeAgent,
    buckets::Bucket,
    people::send,
    release::{Trust, built, words},
    server::TestServer,
    world::{Engine, World, noon},
};
use bytes::Bytes;
use domain::artifact_store::{ArtifactStore, StoreFault};
use entity::{
    platform::{Arch, Os},
    release::Sha256Hex,
};
use futures::TryStreamExt as _;
use reqwest::Method;
use server::{Artifacts, ArtifactsAt};
use std::{fs, sync::Arc, time::Duration};

/// Several parts, the last of them not whole.
fn contents() -> Vec<u8> {
    (0..12 * 1024 * 1024 + 17).map(|at: usize| (at % 251).to_le_bytes()[0]).collect()
}

async fn read(store: &dyn ArtifactStore, sha256: &Sha256Hex, range: std::ops::Range<u64>) -> Vec<u8> {
    let bytes = store.get(sha256, range).await.expect("there");
    bytes.try_collect::<Vec<Bytes>>().await.expect("read").concat()
}

async fn keeps_its_promises(store: &dyn ArtifactStore) {
    let bytes = contents();
    let (sha256, size) = (Sha256Hex::of(&bytes), bytes.len() as u64);
    assert_eq!(store.size(&sha256).await, Ok(None));
    assert_eq!(store.get(&sha256, 0..1).await.err(), Some(StoreFault::Missing));
    // Nobody sees a file that is not whole, and dropped it never was.
    let mut writer = store.put(&sha256).await.expect("begun");
    writer.write(Bytes::from(bytes[..6 << 20].to_vec())).await.expect("written");
    assert_eq!(store.size(&sha256).await, Ok(None));
    drop(writer);
    let put = async || {
        let mut writer = store.put(&sha256).await.expect("begun");
        for piece in bytes.chunks(700_001) {
            writer.write(Bytes::copy_from_slice(piece)).await.expect("written");
        }
        writer.finish().await.expect("whole");
    };
    // Two at once, and once more over what is there.
    futures::future::join(put(), put()).await;
    put().await;
    assert_eq!(store.size(&sha256).await, Ok(Some(size)));
    assert!(read(store, &sha256, 0..size).await == bytes);
    let across = (5 << 20) - 3..(5 << 20) + 4;
    assert_eq!(read(store, &sha256, across).await, bytes[(5 << 20) - 3..(5 << 20) + 4]);
    assert_eq!(read(store, &sha256, size - 1..size).await, bytes[bytes.len() - 1..]);
    assert!(read(store, &sha256, 5..5).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_keeps_whole_files_for_its_owner_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().join("artifacts");
    let store = Artifacts::open(&ArtifactsAt::Folder(at.clone()), noon().into()).expect("opens");
    keeps_its_promises(&store).await;
    let names = || {
        let entries =
            fs::read_dir(at.join("sha256")).expect("a folder").map(|entry| entry.expect("an entry"));
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    let deadline = std::time::Instant::now() + PATIENCE;
    while names().len() > 1 && std::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let sha256 = Sha256Hex::of(&contents());
    assert_eq!(names(), [sha256.to_string()]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(at.join("sha256")).expect("a folder").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
    // What a killed upload left is taken away at the next start, once nobody can be at it any more.
    fs::write(at.join(format!("sha256/{sha256}#7")), "a part").expect("written");
    let reopen = |at_time: chrono::DateTime<chrono::Utc>| {
        Artifacts::open(&ArtifactsAt::Folder(at.clone()), at_time.into()).expect("opens")
    };
    let now: chrono::DateTime<chrono::Utc> = fs::metadata(at.join(format!("sha256/{sha256}#7")))
        .and_then(|about| about.modified())
        .expect("a time")
        .into();
    drop(reopen(now));
    assert_eq!(names().len(), 2);
    drop(reopen(now + chrono::TimeDelta::days(2)));
    assert_eq!(names(), [sha256.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_keeps_the_same_promises() {
    let bucket = Bucket::of_s3().await;
    keeps_its_promises(&bucket.artifacts).await;
    let deadline = std::time::Instant::now() + PATIENCE;
    while bucket.unfinished().await > 0 && std::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(bucket.unfinished().await, 0, "what was dropped is taken away");
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_blob_keeps_the_same_promises() {
    keeps_its_promises(&Bucket::of_azure().await.artifacts).await;
}

/// From a form to a device, with a bucket in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_through_a_bucket() {
    let bucket = Bucket::of_s3().await;
    // Only the store moves into the server; its process stays here.
    let said = [
        ("AWS_ENDPOINT", bucket.url.clone()),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ];
    let at: ArtifactsAt = "s3://releases/other/prefix".parse().expect("a place");
    let store = Artifacts::open_with(&at, said.into_iter().map(|(name, value)| (name.to_owned(), value)));
    let store = Arc::new(store.expect("opens"));
    let world = async |url: String| {
        let world = World::on(Engine::Sqlite, &url).await;
        world.store.set_artifacts(store.clone());
        world
    };
    let server = TestServer::upon(world, |_| {}).await;
    let trust = Trust::of(&server);
    trust.begin(&server).await;
    let file = built(Os::Linux, Arch::X86_64, 1, 11 << 20);
    trust.released(&server, &words(1, "1.0.0"), std::slice::from_ref(&file)).await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let url = format!("{}/api/v1/artifacts/sha256/{}", server.url, file.sha256());
    let part =
        reqwest::Client::new().get(&url).bearer_auth(&agent.token).header("range", "bytes=5242870-5242889");
    let part = part.send().await.expect("an answer");
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().await.expect("a body").as_ref(), &file.bytes[5_242_870..5_242_890]);
    // A bucket that does not answer any more is said so, and not that the file never was.
    drop(bucket);
    let gone =
        send(server.admin.request(Method::GET, &format!("/api/v1/artifacts/sha256/{}", file.sha256()))).await;
    assert_eq!(gone.status, 503, "{}", gone.body);
}
