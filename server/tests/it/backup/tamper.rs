//! A backup that is not what it was is refused, and whoever asks is told which part of it.

use super::{back_up, empty, others_in};
use crate::support::world::{Engine, World};
use domain::backup::{Origin, Watch, check, restore};
use std::{fs, path::PathBuf};

/// Bytes of a block of a tar archive.
const BLOCK: usize = 512;

/// Where the content of a member begins, and how long it is.
fn member(tar: &[u8], name: &str) -> (usize, usize) {
    let mut at = 0;
    loop {
        let header = &tar[at..at + BLOCK];
        let size = std::str::from_utf8(&header[124..135]).expect("octal digits");
        let size = usize::from_str_radix(size, 8).expect("a number");
        if header.starts_with(name.as_bytes()) && header[name.len()] == 0 {
            return (at + BLOCK, size);
        }
        at += BLOCK + size.div_ceil(BLOCK) * BLOCK;
    }
}

/// Exchanges text in the manifest by text of the same length.
fn manifest(tar: &mut [u8], from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let (begin, size) = member(tar, "manifest.json");
    let text = &mut tar[begin..begin + size];
    let at = text.windows(from.len()).position(|window| window == from.as_bytes()).expect("it is there");
    text[at..at + from.len()].copy_from_slice(to.as_bytes());
}

fn flip(tar: &mut [u8], name: &str) {
    let (begin, size) = member(tar, name);
    tar[begin + size / 2] ^= 1;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_is_refused_by_name() {
    let world = World::on_sqlite().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("backup.tar.zst");
    back_up(&world, &file).await.expect("taken");
    let packed = fs::read(&file).expect("read");
    let tar = zstd::decode_all(packed.as_slice()).expect("unpacks");
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut tar = tar.clone();
        change(&mut tar);
        zstd::encode_all(tar.as_slice(), 1).expect("packs")
    };
    let text = {
        let (begin, size) = member(&tar, "manifest.json");
        String::from_utf8(tar[begin..begin + size].to_vec()).expect("text")
    };
    // Tables without rows have a digest of zeros.
    let mut digests = text.split("\"digest\": \"").skip(1);
    let digest = digests.find(|digest| !digest.starts_with('0')).expect("a digest")[..8].to_owned();
    let taken_at = text.split("\"taken_at\": \"").nth(1).expect("a time")[..4].to_owned();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"a photograph of a cat".to_vec(), "no backup of Reeve"),
        (Vec::new(), "no backup of Reeve"),
        (packed[..packed.len() / 2].to_vec(), "cut off"),
        (packed[..packed.len() - 3].to_vec(), "cut off"),
        (changed(&|tar| flip(tar, "reeve.db")), "reeve.db is not what it was"),
        (changed(&|tar| flip(tar, "keys/seal.key")), "keys/seal.key is not what it was"),
        (changed(&|tar| flip(tar, "keys/agent-token.key")), "keys/agent-token.key is not what it was"),
        (changed(&|tar| flip(tar, "manifest.sha256")), "manifest.json is not what it was"),
        (changed(&|tar| manifest(tar, &digest, "00000000")), "manifest.json is not what it was"),
        (
            changed(&|tar| manifest(tar, &format!("taken_at\": \"{taken_at}"), "taken_at\": \"1999")),
            "manifest.json is not what it was",
        ),
        (changed(&|tar| manifest(tar, "keys/seal.key", "keys/s/../key")), "no name of a member"),
        (changed(&|tar| manifest(tar, "keys/seal.key", "keys/zeal.key")), "seal.key where keys/zeal.key"),
        (changed(&|tar| manifest(tar, "\"format_version\": 1", "\"format_version\": 9")), "newer form"),
        (changed(&|tar| manifest(tar, "m0001_businesses", "m0001_businessez")), "m0001_businessez"),
        (
            changed(&|tar| {
                let (begin, _) = member(tar, "manifest.sha256");
                tar.truncate(begin - BLOCK);
                tar.extend([0; 2 * BLOCK]);
            }),
            "cut off before manifest.sha256",
        ),
    ];
    let target = empty(Engine::Sqlite, &folder).await;
    for (bytes, named) in cases {
        let bad = folder.path().join("bad.tar.zst");
        fs::write(&bad, bytes).expect("written");
        let origin = Origin::File(bad);
        let error = restore(&origin, &target, world.store.clock(), &Watch::silent()).await.expect_err(named);
        assert!(error.to_string().contains(named), "{named}: {error}");
        assert!(!target.data_dir.exists(), "{named}: something was left behind");
        let error = check(&origin, folder.path(), &Watch::silent()).await.expect_err(named);
        assert!(error.to_string().contains(named), "{named}: {error}");
    }
    let good = check(&Origin::File(file), folder.path(), &Watch::silent()).await.expect("good");
    assert!(good.manifest.has_keys());
    assert_eq!(others_in(folder.path(), &["backup.tar.zst", "bad.tar.zst"]), Vec::<PathBuf>::new());
}
